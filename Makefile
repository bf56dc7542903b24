# SPDX-License-Identifier: GPL-2.0
#
# Everything goes through here; the work itself is done by scripts below tools/.

MAKEFLAGS += --no-print-directory --no-builtin-rules

# They build and use the same
.NOTPARALLEL:
.PHONY: help packages kernel tools demo check check-long fuzz soak coverage races clients igt-check bench deb kernel-deb modules lint archs series refresh clean distclean

help:
	@echo 'make demo       see it work: one device writes into the memory of another, on'
	@echo '                Debian'\''s own kernel; KERNEL=release for one of ours'
	@echo 'make check      prove it, in a kernel that checks itself; TEST=dmabuf_phys_revoke for'
	@echo '                one program, see tools/check --help'
	@echo 'make check-long the same with sweeps, storms and hot plug, which take as long again'
	@echo 'make fuzz       random sequences of calls: CALLS=1000000 and, for others, SEED=n'
	@echo 'make soak       everything at once, for HOURS=n, judged by its memory, errors and progress:'
	@echo '                build/soak/; SEED=n as above'
	@echo 'make coverage   which of our lines all of that executes: build/coverage/'
	@echo 'make races      storms, KUnit and ends of things in a kernel that looks for data races'
	@echo 'make clients    run RDMA programs of Debian'\''s on it: those of libibverbs, perftest,'
	@echo '                the tests of pyverbs; KERNEL=stock for Debian'\''s own kernel'
	@echo 'make igt-check  the tests with the real IGT: IGT=DIR names its sources; CHECK_LONG=1'
	@echo '                as above, KERNEL=stock for the other kernel'
	@echo 'make bench      measure it: instructions and bytes, beside an unmodified kernel'
	@echo
	@echo 'make packages   install the Debian packages needed (as root)'
	@echo 'make kernel     build both kernels, or KERNEL=release, KERNEL=debug'
	@echo 'make tools      build the tests and the programs into build/'
	@echo 'make deb        build Debian packages into build/deb/'
	@echo 'make kernel-deb a patched kernel as packages, from Debian'\''s configuration, into'
	@echo '                build/kernel-deb/; LSMOD=FILE for a machine'\''s modules only'
	@echo 'make modules    build the modules for an installed kernel of Debian'\''s into'
	@echo '                build/modules/: KDIR=/lib/modules/VERSION/build or the running one'
	@echo 'make lint       checkpatch, kernel-doc, sparse, shellcheck, documentation, structure, names'
	@echo 'make archs      compile our kernel code with other compilers and for other architectures,'
	@echo '                check it with coccicheck and smatch, run KUnit where words have 32'
	@echo '                bits and where they are big endian'
	@echo 'make series     write patches for the kernel into build/series/, ready to be mailed,'
	@echo '                and check them; says how to have every prefix built and tested, too'
	@echo 'make refresh    take edits made in the kernel tree over into patches/'
	@echo 'make clean      remove build/'
	@echo 'make distclean  remove the kernel trees in the cache folder as well'
	@echo
	@echo 'KSRC=DIR        use that kernel source instead of the Debian package'
	@echo 'FORCE=1         throw away edits made in the kernel tree'
	@echo 'DMABUF_PHYS_CACHE=DIR   where the kernel trees are kept'

packages:
	@tools/setup

kernel: KERNEL ?= release debug
kernel: packages
	@set -e; for flavour in $(KERNEL); do tools/kernel/build $$flavour; done

tools: packages
	@tools/build

demo: KERNEL ?= stock
demo:
	@tools/demo/prepare $(KERNEL)
	@tools/demo/run --kernel $(KERNEL)

# Everything, or with TEST=NAME what that takes: a script may take any part
check: packages
	@tools/build $(if $(filter-out tools/%,$(TEST)),igt-tests tools/dmabuf-p2p providers/edu)
	@TEST='$(TEST)' tools/check find
	@tools/kernel/build debug
	@tools/kernel/build uml
	@tools/kernel/build stock
	@TEST='$(TEST)' tools/check

check-long:
	@CHECK_LONG=1 $(MAKE) check

fuzz: packages
	@tools/kernel/build debug
	@tools/build igt-tests providers/edu
	@tools/fuzz $(or $(CALLS),1000000) $(SEED)

soak: packages
	@tools/kernel/build debug
	@tools/build igt-tests providers/edu
	@tools/soak/run $(or $(HOURS),1) $(SEED)

coverage: packages
	@tools/setup coverage
	@tools/kernel/build gcov
	@tools/kernel/build stock
	@tools/build providers/edu tools/bench
	@tools/coverage/run

races: packages
	@tools/kernel/build kcsan
	@tools/build igt-tests providers/edu
	@tools/races

clients: KERNEL ?= release
clients: packages
	@tools/kernel/build $(KERNEL)
	@tools/build providers/edu
	@KERNEL=$(KERNEL) tools/clients/run

igt-check: KERNEL ?= debug
igt-check: packages
	@tools/setup igt
	@tools/kernel/build $(KERNEL)
	@tools/build providers/edu
	@KERNEL=$(KERNEL) tools/igt/check

bench: packages
	@tools/kernel/build release
	@tools/kernel/build upstream
	@tools/kernel/build stock
	@tools/build
	@tools/bench/run

deb:
	@tools/setup deb
	@tools/deb

kernel-deb: packages
	@tools/kernel/deb

modules: KDIR ?= /lib/modules/$(shell uname -r)/build
modules:
	@tools/modules $(KDIR)

lint: packages
	@tools/lint

archs: packages
	@tools/kernel/tests/archs

series: packages
	@tools/series/make
	@tools/series/check

refresh:
	@tools/kernel/refresh

# A run that holds the lock, or waits for it, must find it
clean:
	@[ ! -d build ] || flock -n -E 75 build/lock find build/ -mindepth 1 ! -path build/lock -delete || { \
		[ $$? != 75 ] || echo 'make clean: build/ is in use by another run: wait for it, or end it' >&2; \
		exit 1; }

distclean: clean
	tools/kernel/clean
