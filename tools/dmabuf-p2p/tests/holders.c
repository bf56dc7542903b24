// SPDX-License-Identifier: GPL-2.0
/*
 * Who has which dma-bufs: on a machine that has very many, and by the kernel's list of
 * importers with names in it that try to be more than names
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "importers.h"
#include "tap.h"
#include "tree.h"
#include "uses.h"

#define BUFFERS 40000u
#define PROCESSES 25u

/* A million uses: looking at all of them for each would take days */
static void test_many(void)
{
	struct uses uses = { 0 };
	struct use **use;
	unsigned int pid, i, good = 0;
	size_t nr, j;

	for (pid = PROCESSES; pid; pid--)
		for (i = 0; i < BUFFERS; i++)
			if (i % pid == 0)
				uses_find(&uses, 1000 + i, (pid_t)pid)->fds++;
	uses_find(&uses, 1000, 1)->maps += 2;
	uses_sort(&uses);
	for (i = 0; i < BUFFERS; i++) {
		use = uses_of(&uses, 1000 + i, &nr);
		for (j = 0, pid = 1; pid <= PROCESSES; pid++)
			if (i % pid == 0 && j < nr && use[j]->pid == (pid_t)pid &&
			    use[j]->fds == 1)
				j++;
		good += j == nr && nr;
	}
	tap_ok(good == BUFFERS, "40,000 dma-bufs, each with its processes, in order");
	use = uses_of(&uses, 1000, &nr);
	tap_ok(nr == PROCESSES && use[0]->maps == 2 && !use[1]->maps,
	       "mappings beside file descriptors");
	uses_of(&uses, 999, &nr);
	tap_ok(!nr, "a dma-buf that nobody has");
	uses_of(&uses, 1000 + BUFFERS, &nr);
	tap_ok(!nr, "nor one beyond them all");
	uses_free(&uses);
}

/* As Linux 7.3 writes it; the second one's name has newlines in it, the third one fences */
static const char list[] =
	"\nDma-buf Objects:\n"
	"size    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n"
	"00065536\t00080002\t00080007\t00000003\tvfio_pci_core\t00000007\tbar\n"
	"\tAttached Devices:\n\t0000:03:00.0\n\t0000:04:00.0\nTotal 2 devices attached\n\n"
	"00004096\t00080002\t00080007\t00000001\tsystem\t00000008\tx\n1\t2\t3\t4\te\t7\t\n"
	"\tAttached Devices:\n\tlies\nTotal 0 devices attached\n\n"
	"123456789012\t00080002\t00080007\t00000001\tudmabuf\t00000009\t<none>\n"
	"\tkernel fence:1:2 a b signalled\n"
	"\tAttached Devices:\n\tmlx5\033[31m\nTotal 1 devices attached\n\n"
	"\nTotal 3 objects, 4 bytes\n";

static const char lists[] =
	"7 exporter=vfio_pci_core size=65536 state=live attached=2 behind=0 failed=0 mapped=2 frags=1\n"
	"  importer=iommufd device=none mapped=1\n"
	"  importer=ib_core device=0000:05:00.0 mapped=1\n"
	"  group offset=0 length=65536 type=p2p attr=uc frags=1 provider=0000:02:00.0\n"
	"9 exporter=udmabuf size=4096 busy\n"
	"70 exporter=vfio_pci_core size=4096 state=live attached=1 behind=0 failed=0 mapped=0 frags=1\n"
	"  importer=kvm device=none mapped=0\n";

static void add(const char *module, const char *device, void *arg)
{
	strcat(arg, module ? module : "");
	if (device) {
		strcat(arg, "@");
		strcat(arg, device);
	}
	strcat(arg, ";");
}

static void test_importers(void)
{
	struct importers importers;
	char names[3][128] = { "", "", "" };

	importers_read(&importers, root);
	tap_ok(importers.error == ENOENT, "no debugfs");
	file("/sys/kernel/debug/dma_buf/bufinfo", list);
	importers_read(&importers, root);
	importers_each(&importers, 7, add, names[0]);
	importers_each(&importers, 9, add, names[1]);
	importers_each(&importers, 6, add, names[2]);
	tap_ok(!importers.error && !strcmp(names[0], "@0000:03:00.0;@0000:04:00.0;"),
	       "the devices of one, and nothing that another one's name says");
	tap_ok(!strcmp(names[1], "@mlx5?[31m;"), "names are clean, fences no devices");
	tap_ok(!names[2][0], "a dma-buf that is not there");
	importers_free(&importers);
	file("/sys/kernel/debug/dma_buf_phys/buffers", lists);
	importers_read(&importers, root);
	names[0][0] = names[2][0] = '\0';
	importers_each(&importers, 7, add, names[0]);
	importers_each(&importers, 70, add, names[2]);
	tap_ok(!strcmp(names[0], "@0000:03:00.0;@0000:04:00.0;iommufd;ib_core@0000:05:00.0;"),
	       "importers by physical list, with and without a device");
	tap_ok(!strcmp(names[2], "kvm;"), "and of another one only its own");
	importers_free(&importers);
}

int main(void)
{
	tree_begin();
	test_many();
	test_importers();
	tree_end();
	return tap_end();
}
