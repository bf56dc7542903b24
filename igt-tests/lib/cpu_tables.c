// SPDX-License-Identifier: MIT
/*
 * Walking the CPU's page tables of this process in memory
 *
 * The tables' root is a register of a CPU while a thread of the process runs
 * there. So a thread is kept busy on CPU 0, the one the monitor shows, and what
 * the register says is believed if it takes a page of ours to the frame that
 * /proc/self/pagemap has for it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "cpu_tables.h"
#include "devices/ram.h"
#include "igt_core.h"
#include "monitor.h"

#define ADDRESS_MASK 0x000ffffffffff000ull
#define PRESENT (1ull << 0)
#define WRITABLE (1ull << 1)
#define PWT (1ull << 3)
#define PCD (1ull << 4)
#define LARGE (1ull << 7)	/* where the table is the last one: PAT */
#define LARGE_PAT (1ull << 12)

static bool stop_spinning;

static void *spin(void *unused)
{
	while (!__atomic_load_n(&stop_spinning, __ATOMIC_ACQUIRE))
		;
	return unused;
}

static void walk(uint64_t root, uint64_t va, struct cpu_entry *entry)
{
	uint64_t table = root & ADDRESS_MASK, value;
	unsigned int level;

	memset(entry, 0, sizeof(*entry));
	entry->writable = true;
	for (level = 4; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		bool large;

		igt_assert_eq(__ram_read(table + (va >> shift & 0x1ff) * 8, &value, 1),
			      0);
		if (!(value & PRESENT))
			return;
		entry->writable = entry->writable && value & WRITABLE;
		table = value & ADDRESS_MASK;
		large = level > 1 && level < 4 && value & LARGE;
		if (level > 1 && !large)
			continue;

		entry->present = true;
		entry->page = 1ull << shift;
		entry->paddr = (table & ~(entry->page - 1)) |
			       (va & (entry->page - 1));
		entry->cache = (value & PWT ? 1 : 0) | (value & PCD ? 2 : 0);
		/* Linux has the same four again behind this bit, but for two */
		if (value & (large ? LARGE_PAT : LARGE))
			igt_assert_f(!(entry->cache & 1),
				     "write-through or write-protected\n");
		return;
	}
}

uint64_t cpu_frame(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t word = 0;

	igt_assert_fd(fd);
	igt_assert_eq((int)pread(fd, &word, sizeof(word),
				 (off_t)((uintptr_t)page / 4096 * 8)), 8);
	close(fd);
	igt_assert(word >> 63);
	return (word & ((1ull << 55) - 1)) * 4096;
}

static uint64_t read_root(void)
{
	static char reply[16384];
	const char *at;
	uint64_t root;
	int ret;

	ret = __monitor_command("info registers", reply, sizeof(reply));
	igt_assert_f(!ret, "QEMU's monitor, 'info registers': %s\n",
		     strerror(-ret));
	at = strstr(reply, "CR3=");
	igt_assert_f(at && sscanf(at, "CR3=%" SCNx64, &root) == 1,
		     "QEMU's monitor does not say what CR3 is\n");
	return root;
}

/* The spinning thread is on CPU 0 most of the time, not always */
static bool walk_own(const void *va, struct cpu_entry *entry)
{
	static char page[4096] __attribute__((aligned(4096)));
	uint64_t root;
	int tries;

	*(volatile char *)page = 1;
	for (tries = 0; tries < 50; tries++) {
		root = read_root();
		walk(root, (uintptr_t)page, entry);
		if (entry->present && entry->paddr == cpu_frame(page)) {
			walk(root, (uintptr_t)va, entry);
			return true;
		}
		usleep(10000);
	}
	return false;
}

void cpu_lookup(const void *va, struct cpu_entry *entry)
{
	cpu_set_t first, other, before;
	pthread_attr_t attr;
	pthread_t thread;
	bool walked;

	igt_require_f(sysconf(_SC_NPROCESSORS_ONLN) > 1,
		      "one CPU cannot run this program and its monitor\n");
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	CPU_ZERO(&other);
	CPU_SET(1, &other);
	igt_assert(!sched_getaffinity(0, sizeof(before), &before));
	igt_assert(!sched_setaffinity(0, sizeof(other), &other));

	stop_spinning = false;
	igt_assert(!pthread_attr_init(&attr));
	igt_assert(!pthread_attr_setaffinity_np(&attr, sizeof(first), &first));
	igt_assert(!pthread_create(&thread, &attr, spin, NULL));
	walked = walk_own(va, entry);
	__atomic_store_n(&stop_spinning, true, __ATOMIC_RELEASE);
	igt_assert(!pthread_join(thread, NULL));
	pthread_attr_destroy(&attr);
	igt_assert(!sched_setaffinity(0, sizeof(before), &before));
	igt_assert_f(walked, "CPU 0 does not run this program\n");
}
