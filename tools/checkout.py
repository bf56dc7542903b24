# SPDX-License-Identifier: GPL-2.0
"""What the checks of a checkout's C sources share"""
import pathlib
import re
import sys

# Strings, too: what looks like a comment there is none
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def asked(doc):
    """The checkout that the only argument names, or this one; exits for --help and bad usage"""
    name = pathlib.Path(sys.argv[0]).name
    if '--help' in sys.argv:
        print(doc.strip())
        sys.exit(0)
    if len(sys.argv) > 2 or any(arg.startswith('-') for arg in sys.argv[1:]):
        print(f'{name}: takes a folder at most; see --help', file=sys.stderr)
        sys.exit(2)
    return pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
