# SPDX-License-Identifier: GPL-2.0
"""Panels with logarithmic axes, in SVG, for plot and for tools/soak/report

They have no background of their own and follow the reader's light or dark mode.
"""
import math

WIDTH, HEIGHT = 960, 400
# Of the first row of panels
TOP, BOTTOM, LEFT = 84, 344, 58
PANEL, GAP, ROW = 234, 76, 340

STYLE = '''
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 14px; font-weight: 600; }
.small { fill: #57606a; }
.grid { stroke: #d0d7de; }
.line { fill: none; stroke-width: 2; }
.phys { stroke: #0969da; } .phys-fill { fill: #0969da; }
.upstream { stroke: #bc4c00; } .upstream-fill { fill: #bc4c00; }
.yardstick { stroke: #6e7781; stroke-width: 1.5; }
.dashed { stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.small { fill: #9198a1; }
.grid { stroke: #3d444d; }
.phys { stroke: #4493f8; } .phys-fill { fill: #4493f8; }
.upstream { stroke: #f0883e; } .upstream-fill { fill: #f0883e; }
.yardstick { stroke: #9198a1; }
}
'''


class Series:
    """style: phys, upstream or yardstick, perhaps followed by dashed"""

    def __init__(self, label, style, points):
        self.label = label
        self.style = style
        self.points = points


def si(value):
    for unit, name in ((10**6, 'M'), (10**3, 'k')):
        if value >= unit:
            return f'{value // unit}{name}'
    return str(value)


class Panel:
    """index: from left to right; row: from top to bottom; axis: what is counted;
    named: whether each line has its label beside it"""

    def __init__(self, index, title, lines, failed=(), axis='ranges', row=0, named=False):
        self.left = LEFT + index * (PANEL + GAP)
        self.top, self.bottom = TOP + row * ROW, BOTTOM + row * ROW
        self.axis = axis
        self.named = named
        self.title = title
        self.lines = [line for line in lines if line.points]
        self.failed = failed
        self.counts = sorted({x for line in self.lines
                              for x, _ in line.points} |
                             {x for x, _ in failed})
        values = [y for line in self.lines for _, y in line.points if y > 0]
        self.low = math.floor(math.log10(min(values, default=1)))
        self.high = max(math.ceil(math.log10(max(values, default=10))),
                        self.low + 1)

    def x(self, count):
        span = math.log(self.counts[-1] / self.counts[0]) or 1
        return self.left + PANEL * math.log(count / self.counts[0]) / span

    def y(self, value):
        part = (math.log10(max(value, 1)) - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * part

    def axes(self):
        right = self.left + PANEL
        yield (f'<text class="title" x="{self.left}" y="{self.top - 20}">'
               f'{self.title}</text>')
        for power in range(self.low, self.high + 1):
            y = self.y(10**power)
            yield (f'<line class="grid" x1="{self.left}" x2="{right}" '
                   f'y1="{y:.1f}" y2="{y:.1f}"/>')
            yield (f'<text class="small" text-anchor="end" '
                   f'x="{self.left - 6}" y="{y + 4:.1f}">{si(10**power)}</text>')
        for count in self.counts:
            yield (f'<text class="small" text-anchor="middle" '
                   f'x="{self.x(count):.1f}" y="{self.bottom + 18}">'
                   f'{"1 Mi" if count == 1 << 20 else f"{count:,}"}</text>')
        yield (f'<text class="small" text-anchor="middle" '
               f'x="{self.left + PANEL / 2}" y="{self.bottom + 38}">{self.axis}</text>')

    @staticmethod
    def marker(style, x, y):
        if style == 'phys':
            return f'<circle class="phys-fill" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        if style == 'upstream':
            return (f'<rect class="upstream-fill" x="{x - 4:.1f}" '
                    f'y="{y - 4:.1f}" width="8" height="8"/>')
        return ''

    def curve(self, line):
        at = [(self.x(x), self.y(y)) for x, y in line.points]
        path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in at)
        yield f'<polyline class="line {line.style}" points="{path}"/>'
        for x, y in at:
            yield self.marker(line.style.split()[0], x, y)

    def names(self):
        """At the last point of a line, the lowest below it if it is flat there, others
        above, but never on top of each other"""
        taken = self.bottom
        for line in sorted(self.lines, key=lambda line: line.points[-1][1]):
            x, y = self.x(line.points[-1][0]), self.y(line.points[-1][1])
            flat = len(line.points) > 1 and abs(y - self.y(line.points[-2][1])) < 15
            if taken == self.bottom and flat:
                at, taken = y + 16, y
            else:
                at = taken = min(y - 7, taken - 13)
            yield (f'<text class="small" text-anchor="end" x="{x:.1f}" '
                   f'y="{at:.1f}">{line.label}</text>')

    def crosses(self):
        y = self.bottom - 14
        for count, _ in self.failed:
            x = self.x(count)
            yield (f'<path class="line upstream" d="M{x - 5:.1f},{y - 5} l10,10 '
                   f'm0,-10 l-10,10"/>')
        if self.failed:
            errors = ', '.join(sorted({'-' + error
                                       for _, error in self.failed}))
            yield (f'<text class="small" text-anchor="end" '
                   f'x="{self.left + PANEL}" y="{y - 14}">'
                   f'upstream: {errors}</text>')

    def draw(self):
        yield from self.axes()
        for line in self.lines:
            yield from self.curve(line)
        yield from self.crosses()
        if self.named:
            yield from self.names()


def picture(title, made_by, height, panels, above=()):
    """A file of panels, line by line"""
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">')
    yield f'<!-- SPDX-License-Identifier: GPL-2.0. Made by {made_by} -->'
    yield f'<title>{title}</title>'
    yield f'<style>{STYLE}</style>'
    yield from above
    for panel in panels:
        yield from panel.draw()
    yield '</svg>'
