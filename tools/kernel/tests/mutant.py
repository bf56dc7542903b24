# SPDX-License-Identifier: GPL-2.0
"""Mutants: how they are written down, applied to a file, and compiled.

A file of mutants.d has one directive a line, and lines of text to replace:

    file PATH                what the mutants behind it change
    test KERNEL WHAT...      what should notice; several are tried one after the other. WHAT is
                             a KUnit suite or module, or PROGRAM@TOPOLOGY, what of it to run
                             if not all, and options of tools/vm/run
    mutant NAME  TEXT        begins a mutant, and says in words what it breaks
    quick                    the mutant is one of those that make check tries
    -LINE                    the file has these lines, one behind the other, exactly once;
    +LINE                    they are replaced by these, if any,
     LINE                    and these, which say where it is, stay

The first line has to be whole, the last one may be the beginning of a line. Tests that are
named before a mutant of their file are those of all mutants there that name none.
"""
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass, field


class Broken(Exception):
    """A mutant that is wrong in itself: nothing can be said about the tests"""


@dataclass
class Mutant:
    """One defect"""
    name: str
    text: str
    path: str
    where: str
    tests: list = field(default_factory=list)
    quick: bool = False
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)

    def apply(self, text):
        """The text of its file with the defect"""
        old = '\n' + '\n'.join(self.old)
        if text.count(old) != 1:
            raise Broken(f'{self.where}: {self.name} does not apply: {self.path} has its text '
                         f'{text.count(old)} times: adapt it to the file as it is now')
        return text.replace(old, '\n' + '\n'.join(self.new))


def read(path):
    """The mutants of a file of mutants.d"""
    mutants, mutant, target, tests = [], None, None, []
    said = True
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        where = f'{path.name}:{number}'
        if line.startswith('#') or not line:
            continue
        if line[0] in '-+ ':
            if not mutant:
                raise Broken(f'{where}: text without a mutant')
            if line[0] != '+':
                mutant.old.append(line[1:])
            if line[0] != '-':
                mutant.new.append(line[1:])
            continue
        word, _, rest = line.partition(' ')
        if word == 'file':
            target, mutant, said = rest, None, True
        elif word == 'test' and mutant:
            if mutant.old:
                raise Broken(f'{where}: a test behind the text of {mutant.name}')
            if mutant.tests is tests:
                mutant.tests = []
            mutant.tests.append(tuple(rest.split()))
        elif word == 'test':
            tests, said = [] if said else tests, False
            tests.append(tuple(rest.split()))
        elif word == 'mutant' and target:
            name, _, text = rest.partition('  ')
            mutant = Mutant(f'{path.name}/{name}', text, target, where, tests)
            mutants.append(mutant)
        elif word == 'quick' and mutant:
            mutant.quick = True
        else:
            raise Broken(f'{where}: "{line}" is nothing that is known here')
    for one in mutants:
        if not one.tests or not one.old or not one.text or one.old == one.new:
            raise Broken(f'{one.where}: {one.name} lacks a test, a text, or a change')
    return mutants


def read_all(folder):
    """All mutants of all files, in the order of their names"""
    mutants = [one for path in sorted(pathlib.Path(folder).iterdir()) for one in read(path)]
    names = [one.name for one in mutants]
    for one in mutants:
        if names.count(one.name) > 1:
            raise Broken(f'{one.where}: there are several {one.name}')
    return mutants


def text_of(path, *roots):
    """The text of a file, from the first of some folders that has it"""
    for root in roots:
        if (root / path).is_file():
            return (root / path).read_text(encoding='utf-8')
    raise Broken(f'there is no {path}')


def patched(path, folder):
    """What patches tell of a file of the kernel's as it is behind them"""
    lines, ours = [], False
    for patch in sorted(folder.glob('*.patch')):
        for line in patch.read_text(encoding='utf-8').splitlines():
            if line.startswith(('--- ', '+++ ')):
                ours = line == f'+++ b/{path}'
            elif ours and not line.startswith('-'):
                lines.append('' if line.startswith('@@') else line[1:])
    return '\n'.join(['', *lines, ''])


def symbols(path):
    """What a module needs of others"""
    said = subprocess.run(['nm', '-u', path], check=True, text=True, capture_output=True)
    return {line.split()[-1] for line in said.stdout.splitlines()}


def files_in(path, name):
    """The files of a name that are in a list of dependencies: some are given by way of .."""
    words = pathlib.Path(path).read_text(encoding='utf-8').split()
    return {os.path.normpath(one) for one in words if os.path.basename(one) == name}


class Tree:
    """A kernel that was built, of which single modules are built again elsewhere

    Kbuild keeps the command that made each file. Repeating those of the objects that
    depend on the mutant's file, with other names, leaves the tree as it is, so that
    nothing has to be restored. Sources that are compiled are copied, since each takes the
    headers beside it first; so do headers, and those beside a header are copied as well.
    """

    def __init__(self, src, out):
        self.src, self.out = pathlib.Path(src), pathlib.Path(out)
        self.modules = {}
        for path in self.out.rglob('*.mod'):
            for member in path.read_text(encoding='utf-8').split():
                self.modules.setdefault(os.path.normpath(member), set()).add(path.with_suffix(''))

    def command(self, path):
        """What made a file of the tree"""
        path = self.out / path
        line = (path.parent / f'.{path.name}.cmd').read_text(encoding='utf-8').split('\n', 1)[0]
        return line.split(' := ', 1)[1].replace('$(pound)', '#').replace('$$', '$')

    def objects(self, path):
        """What has to be compiled again, of modules: suites include what they test"""
        found = []
        for one in self.modules:
            cmd = self.out / os.path.dirname(one) / f'.{os.path.basename(one)}.cmd'
            if cmd.exists() and any(file.endswith(f'/{path}')
                                    for file in files_in(cmd, os.path.basename(path))):
                found.append(one)
        return found

    def run(self, command, log):
        """Run one, in the tree; its output goes to the log"""
        with open(log, 'a', encoding='utf-8') as output:
            output.write(command + '\n')
            output.flush()
            # A session of its own: the compiler's processes end with it
            with subprocess.Popen(['sh', '-ec', command], cwd=self.out, stdout=output,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  start_new_session=True) as child:
                try:
                    status = child.wait()
                except BaseException:
                    os.killpg(child.pid, signal.SIGTERM)
                    raise
        if status:
            raise Broken(f'does not compile: see {log}')

    def compile(self, obj, paths, work, log):
        """One object, into the same place below work, with files that are there"""
        source = obj[:-1] + 'c'
        folder = os.path.dirname(obj)
        target = work / obj
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (work / source).exists():
            (work / source).write_bytes((self.src / source).read_bytes())
        command = self.command(obj)
        # By the names of the copies
        command = re.sub(r'(?<= -Wp,-MMD,)\S+', f'{target}.d', command)
        command = re.sub(rf'(?<= )\S*{re.escape(os.path.basename(obj))}(?=\s|$)', str(target), command)
        command = re.sub(rf'(?<= )\S*/{re.escape(source)}(?=\s|$)', str(work / source), command)
        # What a mutant leaves unused is no error
        flags = (f' -iquote {work}/{folder} -iquote {self.src}/{folder} -I{work}/include'
                 f' -I{work}/include/uapi -w ')
        self.run(re.sub(r'(?<=gcc) ', flags, command, count=1), log)
        for path in paths:
            if str(work / path) not in files_in(f'{target}.d', os.path.basename(path)):
                raise Broken(f'{obj} is compiled without {path}: see {log}')

    def build(self, files, work, log):
        """
        The modules with other texts in some files, in work, where others of theirs may be already;
        raises Broken if one does not compile
        """
        objects = {}
        for path in files:
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            if path.endswith('.h') and not path.startswith('include/'):
                for header in (self.src / path).parent.glob('*.h'):
                    # What was edited since the tree was built is there
                    if not (work / os.path.dirname(path) / header.name).exists():
                        shutil.copy(header, work / os.path.dirname(path))
            for one in self.objects(path):
                objects.setdefault(one, []).append(path)
        for path, text in files.items():
            (work / path).write_text(text, encoding='utf-8')
        for one, paths in objects.items():
            self.compile(one, paths, work, log)
        for module in sorted({one for obj in objects for one in self.modules[obj]}):
            self.link(module, work, log)

    def link(self, module, work, log):
        """A module, of which some objects are new"""
        name = module.relative_to(self.out)
        members = [os.path.normpath(one) for one in
                   module.with_suffix('.mod').read_text(encoding='utf-8').split()]
        paths = [str(work / one) if (work / one).exists() else one for one in members]
        whole, part = work / f'{name.name}.ko', paths[0]
        if members != [f'{name}.o']:
            part = work / f'{name.name}.part.o'
            command = self.command(f'{name}.o').replace(f'@{name}.mod', shlex.join(paths))
            self.run(command.replace(f' {name}.o', f' {part}'), log)
        command = self.command(f'{name}.ko').replace(f' {name}.ko', f' {whole}')
        self.run(command.replace(f' {name}.o', f' {part}'), log)
        # Else it is not loaded, and every test fails
        lacks = symbols(whole) - symbols(f'{module}.ko') - self.exported()
        if lacks:
            raise Broken(f'{name.name} would not load: the kernel exports no {min(lacks)}')

    def exported(self):
        """What any module may need of what is built in"""
        lines = (self.out / 'Module.symvers').read_text(encoding='utf-8').splitlines()
        return {line.split('\t')[1] for line in lines if line.split('\t')[2] == 'vmlinux'}
