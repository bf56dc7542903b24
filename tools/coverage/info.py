# SPDX-License-Identifier: GPL-2.0
"""What lines wrote, by file and by group, and which part of it has to be executed"""
import dataclasses
import pathlib

REPO = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Count:
    """bar: percent of the lines that have to be executed"""
    name: str
    bar: int = 0
    lines: int = 0
    hit: int = 0
    branches: int = 0
    taken: int = 0

    def add(self, other):
        self.lines += other.lines
        self.hit += other.hit
        self.branches += other.branches
        self.taken += other.taken

    @property
    def percent(self):
        return 100 * self.hit / self.lines if self.lines else 0

    @property
    def low(self):
        return not self.lines or self.percent < self.bar


@dataclasses.dataclass
class File(Count):
    missed: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Group:
    """top: what the names of its files begin with; each_bar: of every file, bar: of all of
    them together"""
    title: str
    top: tuple
    bar: int
    each_bar: int = 0
    files: list = dataclasses.field(default_factory=list)

    def sum(self):
        total = Count(self.title, self.bar)
        for file in self.files:
            total.add(file)
        return total


def groups():
    # A file is of the first that fits, one that is not ours of the last: of it only the lines
    # of hooks count, some of them two or three
    return [
        Group('KUnit and test drivers', ('drivers/dma-buf/phys-list/tests/',), 90, 90),
        Group('the framework', ('drivers/dma-buf/phys-list/', 'include/'), 95, 90),
        Group('exporters and importers', ('drivers/', 'virt/'), 90, 90),
        Group('the device library', ('lib/devices/',), 90),
        Group('dmabuf-p2p', ('tools/dmabuf-p2p/',), 90),
        Group('hooks in existing files', (), 90),
    ]


def read(path):
    """Groups with their files, from what lines wrote"""
    found = groups()
    with open(path, encoding='utf-8') as info:
        for line in info:
            kind, _, rest = line.rstrip('\n').partition(':')
            if kind == 'SF':
                where = pathlib.Path(rest)
                group = found[-1]
                if where.is_relative_to(REPO):
                    name = str(where.relative_to(REPO))
                    group = next(group for group in found if name.startswith(group.top))
                else:
                    name = rest.partition('/src/')[2]
                file = File(name, group.each_bar)
                group.files.append(file)
            elif kind == 'DA':
                number, count = map(int, rest.split(','))
                file.lines += 1
                file.hit += count > 0
                if not count:
                    file.missed.append(number)
            elif kind == 'BRDA':
                file.branches += 1
                file.taken += rest.split(',')[-1] not in ('-', '0')
    return [group for group in found if group.files]
