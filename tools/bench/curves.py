# SPDX-License-Identifier: GPL-2.0
"""What scale measured, as tables, bars and the figures to predict a cost from

Used by table and plot. Work of several CPUs has no bar: it depends on what else the host
does, since somebody who holds a lock may not run.
"""

# How much steeper a curve may seem to get: a timer interrupt in between is a few
# thousand instructions
STEEPER, FEW = 1.1, 1.25

# Bounds that Documentation/cost.rst promises, in instructions for each range, importer
# or buffer, beside 20,000 for the rest
ALLOWANCE = 20000
LONGEST = (
    ('reservation lock, DMA mapping, of a range', 'ranges-dma', 'wait', 250),
    ('reservation lock, revoke, of a range', 'ranges-revoke', 'wait', 25),
    ('revoke during IOMMU_IOAS_MAP_FILE, of a range', 'ranges-map-stop', 'instructions', 25),
    ('revoke during IOMMU_IOAS_UNMAP, of a range', 'ranges-unmap-stop', 'instructions', 25),
    ("device's memory_lock, export without host access, of a range there is",
     'ranges-claim', 'instructions', 60),
    ('reservation lock, revoke, of an importer', 'importers-revoke', 'wait', 1500),
    # A worker for each; how long that takes depends on who comes first
    ('reservation lock, importers map again, of an importer', 'importers-remap', 'wait', 50000),
    ("device's memory_lock, revoke, of a dma-buf", 'buffers-revoke', 'instructions', 2500),
    ("device's memory_lock, export without host access, of a dma-buf there is",
     'buffers-claim', 'instructions', 60),
)
# Longest time that nothing can be scheduled, including the way to the thread that
# finds out: 3,300
LATE = 200000

# Grow with what their first word says, and not faster
LINEAR = {
    STEEPER: ('ranges-export', 'ranges-map', 'ranges-remap', 'ranges-revoke', 'ranges-unmap',
              'ranges-dma', 'scatterlist-dma', 'importers-map', 'importers-revoke',
              'importers-unmap', 'buffers-export', 'buffers-map', 'buffers-revoke',
              'buffers-revoke-idle', 'buffers-reset', 'buffers-close'),
    # Those of few instructions, and debugfs, which finds its place anew for each page of text
    FEW: ('sizes-map', 'sizes-remap', 'buffers-list'),
}
# Do not grow: the fault looks a range up, which takes log2 of them
FLAT = (('ranges-restore', 'host-bridge', 2.0), ('ranges-fault', 'host-bridge', 1.5),
        ('ranges-dma', 'switch', 1.1))

RANGES = (('export', 'ranges-export'), ('map', 'ranges-map'), ('revoke', 'ranges-revoke'),
          ('map again', 'ranges-remap'), ('unmap', 'ranges-unmap'),
          ('DMA map+unmap', 'ranges-dma'), ('by scatterlist', 'scatterlist-dma'),
          ('CPU fault', 'ranges-fault'), ('close', 'ranges-close'))
IMPORTERS = (('map', 'importers-map'), ('revoke', 'importers-revoke'),
             ('restore', 'importers-restore'), ('map again', 'importers-remap'),
             ('unmap', 'importers-unmap'))
BUFFERS = (('export', 'buffers-export'), ('map', 'buffers-map'), ('revoke', 'buffers-revoke'),
           ('unmapped', 'buffers-revoke-idle'), ('restore', 'buffers-restore'),
           ('unmapped', 'buffers-restore-idle'), ('reset', 'buffers-reset'),
           ('debugfs', 'buffers-list'), ('close', 'buffers-close'))
SIZES = (('export', 'sizes-export'), ('map', 'sizes-map'), ('revoke', 'sizes-revoke'),
         ('map again', 'sizes-remap'), ('unmap', 'sizes-unmap'), ('close', 'sizes-close'))
CPUS = (('faults, one dma-buf', 'cpus-fault-one'), ('one each', 'cpus-fault-many'),
        ('BAR', 'cpus-fault-bar'),
        ('maps, one dma-buf', 'cpus-map-one'), ('one each', 'cpus-map-many'))


def number(value):
    return '-' if value is None else f'{value:,}'


class Curves:
    def __init__(self, rows):
        self.rows = {(row['name'], row['variant'], row['route'], row['count']): row
                     for row in rows if 'count' in row}

    def __len__(self):
        return len(self.rows)

    def row(self, name, count, route='host-bridge', variant='phys-list'):
        return self.rows.get((name, variant, route, count), {})

    def value(self, name, count, key='instructions', route='host-bridge'):
        return self.row(name, count, route).get(key)

    def counts(self, name, route='host-bridge', variant='phys-list'):
        return sorted(count for found, of, where, count in self.rows
                      if (found, of, where) == (name, variant, route))

    def points(self, name, key='instructions', route='host-bridge', variant='phys-list'):
        points = ((count, self.row(name, count, route, variant).get(key))
                  for count in self.counts(name, route, variant))
        return [(count, value) for count, value in points if value is not None]

    def slope(self, name, low, high):
        a, b = self.value(name, low), self.value(name, high)
        return None if a is None or b is None else (b - a) / (high - low)

    def steeper(self, name):
        """How much steeper the last part of a curve is than the one before"""
        counts = self.counts(name)[-3:]
        if len(counts) < 3:
            return None
        before = self.slope(name, counts[0], counts[1])
        last = self.slope(name, counts[1], counts[2])
        return last / before if before and last is not None else None

    def table(self, label, columns, key='instructions', each=False):
        counts = self.counts(columns[0][1])
        lines = []
        for count in counts:
            values = [self.value(name, count, key) for _, name in columns]
            if each:
                values = [value if value is None else round(value / count)
                          for value in values]
            lines.append([number(count)] + [number(value) for value in values])
        return [label] + [heading for heading, _ in columns], lines

    def longest(self):
        """What others wait for at most: (what, count, value, bound)"""
        for what, name, key, each in LONGEST:
            counts = self.counts(name)
            count = counts[-1] if counts else 0
            value = self.value(name, count, key)
            yield what, count, value, each * count + ALLOWANCE

    def latest(self):
        late = [row['late'] for row in self.rows.values() if row.get('late') is not None]
        return max(late, default=None)

    def predictions(self):
        """The figures of "What costs what": (what, base, ((each, value), ...))"""
        def last(name):
            counts = self.counts(name)
            return self.slope(name, *counts[-2:]) if len(counts) > 1 else None

        def first(name):
            counts = self.counts(name)
            return self.value(name, counts[0]) if counts else None

        return (
            ('export', first('ranges-export'), last('ranges-export'), None, None),
            ('IOMMU_IOAS_MAP_FILE', first('importers-map'), last('ranges-map'),
             last('sizes-map'), last('importers-map')),
            ('IOMMU_IOAS_UNMAP', first('importers-unmap'), last('ranges-unmap'),
             last('sizes-unmap'), last('importers-unmap')),
            ('map + unmap by the DMA API', first('ranges-dma'), last('ranges-dma'),
             None, None),
            ('revoke', first('importers-revoke'), last('ranges-revoke'),
             last('sizes-revoke'), last('importers-revoke')),
            ('restore, by the exporter', first('importers-restore'), 0, 0,
             last('importers-restore')),
        )

    def tables(self):
        """(title, head, lines) of all that was measured"""
        yield ('instructions over ranges of 4 KiB, through the host bridge',
               *self.table('ranges', RANGES))
        lines = [[number(count), number(self.value('ranges-dma', count, route='switch')),
                  number(self.value('ranges-walk', count, route='switch')),
                  number(self.value('scatterlist-dma', count, route='switch')),
                  number(self.value('ranges-export', count, 'bytes')),
                  number(self.value('ranges-map', count, 'bytes'))]
                 for count in self.counts('ranges-dma', 'switch')]
        yield ('... below one switch; and memory of a dma-buf and of its page tables',
               ['ranges', 'DMA map+unmap', 'walk', 'by scatterlist', 'bytes', 'tables'], lines)
        yield ('instructions over GiB, one range', *self.table('GiB', SIZES))
        yield ('instructions for each importer of one dma-buf',
               *self.table('importers', IMPORTERS, each=True))
        yield ('instructions for each dma-buf of one device',
               *self.table('dma-bufs', BUFFERS, each=True))
        yield ("done in a second by so many CPUs, which are threads on the host's",
               *self.table('CPUs', CPUS, 'per_second'))
        yield ('how long others wait at most, instructions',
               ['', 'of so many', 'longest', 'bound'],
               [[what, number(count), number(value), number(bound)]
                for what, count, value, bound in self.longest()] +
               [['longest time that nothing can be scheduled', '', number(self.latest()),
                 number(LATE)]])
        yield ('what costs what: instructions for a call, and more for each ...',
               ['', 'call', 'range', 'GiB', 'importer'],
               [[what, number(base)] + [number(each if each is None else round(each))
                                        for each in more]
                for what, base, *more in self.predictions()])

    def check(self, bars):
        for limit, names in LINEAR.items():
            for name in names:
                bars.check(f'{name}, how much steeper it gets', self.steeper(name), limit,
                           '{:.2f}'.format)
        for name, route, limit in FLAT:
            values = [value for _, value in self.points(name, route=route)]
            bars.check(f'{name}, {route}, most expensive to cheapest',
                       max(values) / min(values) if values else None, limit, '{:.2f}'.format)
        for what, count, value, bound in self.longest():
            bars.check(f'longest: {what} ({count:,})', value, bound)
        bars.check('longest: nothing can be scheduled', self.latest(), LATE)
