// SPDX-License-Identifier: MIT
/*
 * RAM by its physical address
 *
 * /proc/kcore is a core file of the kernel, whose program headers tell which
 * physical address a part of it has. Parts of which they do not, as vmalloc's, are
 * left out: all RAM is in the kernel's direct map. What it cannot or does not want to
 * read is zeros: so zeros are believed to nobody but QEMU.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "monitor.h"
#include "ram.h"

#define MAX_PARTS 64

static Elf64_Phdr parts[MAX_PARTS];
static unsigned int nr_parts;
static int kcore = -1;

/* Once: it is the same as long as no memory is plugged */
static void kcore_open(void)
{
	static bool tried;
	Elf64_Ehdr head;
	ssize_t size;

	if (tried)
		return;
	tried = true;
	kcore = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (kcore < 0 || pread(kcore, &head, sizeof(head), 0) != sizeof(head) ||
	    head.e_phentsize != sizeof(parts[0]))
		return;
	size = (ssize_t)sizeof(parts[0]) *
	       (head.e_phnum < MAX_PARTS ? head.e_phnum : MAX_PARTS);
	if (pread(kcore, parts, (size_t)size, (off_t)head.e_phoff) == size)
		nr_parts = (unsigned int)size / sizeof(parts[0]);
}

static bool has_words(const uint64_t *values, unsigned int nr)
{
	while (nr--)
		if (*values++)
			return true;
	return false;
}

int __ram_read(uint64_t paddr, uint64_t *values, unsigned int nr)
{
	size_t size = nr * sizeof(*values);
	unsigned int i;

	kcore_open();
	for (i = 0; i < nr_parts; i++) {
		uint64_t at = paddr - parts[i].p_paddr;
		ssize_t got;

		if (parts[i].p_type != PT_LOAD || parts[i].p_paddr == UINT64_MAX ||
		    paddr < parts[i].p_paddr || at >= parts[i].p_memsz ||
		    size > parts[i].p_memsz - at)
			continue;
		got = pread(kcore, values, size, (off_t)(parts[i].p_offset + at));
		if (got < 0)
			return -errno;
		if ((size_t)got != size)
			return -EIO;
		if (has_words(values, nr))
			return 0;
	}
	return __monitor_read(paddr, values, nr);
}
