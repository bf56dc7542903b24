// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys lifetime
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: lifetimes
 * Functionality: order of closing
 * Description: Whatever still holds a dma-buf, and in whichever order things go,
 *	access ends in time, nothing of anybody else is touched, and all is freed
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "host_access.h"
#include "igt_core.h"
#include "kvm.h"
#include "pass.h"
#include "pci.h"
#include "query.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"

#define AT MiB(8)
/* Found again in debugfs by its size */
#define LENGTH (3 * PAGE)
#define MANY 1000u
#define STRANGERS 32
#define NR_HOLDERS ARRAY_SIZE(holders)
/* Seconds until an end counts as one that does not come */
#define DEADLINE 120

#define DEBUGFS "/sys/kernel/debug/dma_buf_phys/buffers"
#define TRACING "/sys/kernel/tracing/"

static int iommufd = -1, queries = -1;
static uint32_t ioas;
static struct vfio_device shm = { .fd = -1 };
static struct vmm vmm = { .fd = -1 };

/*
 * What must not be touched: private pages of files that are opened when the file
 * of a dma-buf has just gone, and so get its struct file
 */
static struct {
	int fd;
	uint64_t *page;
} strangers[STRANGERS];

static void strangers_open(void)
{
	char path[] = "/tmp/stranger-XXXXXX";
	int fd = mkstemp(path), i;

	igt_assert_fd(fd);
	igt_assert_eq(ftruncate(fd, PAGE), 0);
	for (i = 0; i < STRANGERS; i++) {
		strangers[i].fd = open(path, O_RDWR | O_CLOEXEC);
		igt_assert_fd(strangers[i].fd);
		strangers[i].page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE, strangers[i].fd, 0);
		igt_assert(strangers[i].page != MAP_FAILED);
		*strangers[i].page = guard_word((uint64_t)i);
	}
	unlink(path);
	close(fd);
}

static void strangers_check(void)
{
	int i, lost = 0;

	for (i = 0; i < STRANGERS; i++)
		lost += *strangers[i].page != guard_word((uint64_t)i);
	igt_assert_f(!lost, "%d of %d private pages of an unrelated file are lost\n",
		     lost, STRANGERS);
}

static void strangers_close(void)
{
	int i;

	for (i = 0; i < STRANGERS; i++) {
		if (strangers[i].page)
			munmap(strangers[i].page, PAGE);
		strangers[i].page = NULL;
		close_fd(&strangers[i].fd);
	}
}

/*
 * Holders
 */

/**
 * struct held - a dma-buf and what is left of it
 * @fd: the descriptor that is left, or -1
 * @aux: socket, watch, or -1
 * @map: by mmap, or NULL
 * @pid: of a child that has it, or 0
 * @place: IOVA, guest address or slot, by number
 */
struct held {
	int fd;
	int aux;
	void *map;
	pid_t pid;
	unsigned int place;
};

static void hold_dup(struct held *h)
{
	int fd = dup(h->fd);

	igt_assert_fd(fd);
	close(h->fd);
	h->fd = fd;
}

static void hold_o_path(struct held *h)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", h->fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	igt_assert_fd(fd);
	close(h->fd);
	h->fd = fd;
}

static void hold_in_flight(struct held *h)
{
	int pair[2];

	igt_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
		      0);
	igt_assert_eq(__pass_fd(pair[0], &h->fd), 0);
	close(h->fd);
	h->fd = pair[0];
	h->aux = pair[1];
}

static void hold_vma(struct held *h)
{
	h->map = cpu_map(h->fd, NULL, LENGTH, 0);
	cpu_load(h->map);
	close_fd(&h->fd);
}

/* Wait until the child has written a byte */
static void wait_for_child(const int pipe[2])
{
	char byte;

	close(pipe[1]);
	igt_assert_eq((int)read(pipe[0], &byte, 1), 1);
	close(pipe[0]);
}

static void hold_fork(struct held *h)
{
	int ready[2];

	igt_assert_eq(pipe(ready), 0);
	h->pid = fork();
	igt_assert(h->pid >= 0);
	if (!h->pid) {
		/*
		 * Of all that was inherited nothing but the dma-buf, and that
		 * before anybody closes the device: it would stay open in here
		 */
		close(shm.fd);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	wait_for_child(ready);
	close_fd(&h->fd);
}

/* A program that looks at the descriptor in /proc while it goes */
static void hold_lookup(struct held *h)
{
	char path[48];
	int go[2];

	igt_assert_eq(pipe(go), 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), h->fd);
	h->pid = fork();
	igt_assert(h->pid >= 0);
	if (!h->pid) {
		struct stat st;
		int fd = -1;

		close(shm.fd);
		close(h->fd);
		for (;;) {
			if (fd >= 0)
				close(fd);
			fd = open(path, O_PATH);
			stat(path, &st);
			if (fd >= 0 && go[1] >= 0) {
				if (write(go[1], "", 1) != 1)
					_exit(1);
				close_fd(&go[1]);
			}
		}
	}
	wait_for_child(go);
	close_fd(&h->fd);
}

static void hold_watch(struct held *h)
{
	h->aux = watch(queries, h->fd, O_CLOEXEC | O_NONBLOCK);
	close_fd(&h->fd);
}

static void hold_ioas(struct held *h)
{
	ioas_map_file(iommufd, ioas, h->fd, 0, LENGTH,
		      BASE + h->place * MiB(1));
	close_fd(&h->fd);
}

static void drop_ioas(struct held *h)
{
	ioas_unmap(iommufd, ioas, BASE + h->place * MiB(1), LENGTH);
}

static void hold_memslot(struct held *h)
{
	if (vmm.fd < 0)
		vmm_open(&vmm, KVM_X86_DEFAULT_VM);
	vmm_dmabuf(&vmm, 1 + h->place, BASE + h->place * MiB(1), h->fd, 0,
		   LENGTH);
	close_fd(&h->fd);
}

static void drop_memslot(struct held *h)
{
	vmm_delete(&vmm, 1 + h->place);
}

static void hold_nothing(struct held *h)
{
	close_fd(&h->fd);
}

/**
 * struct holder - a way to keep a dma-buf
 * @name: of the dynamic subtest
 * @hold: makes it the only one there is
 * @drop: what has to be undone, but for closing, unmapping and killing
 * @gone: nothing is held: the dma-buf goes before the end, or while it comes
 * @maps: it needs ranges that the host may touch
 * @many: so many at once are also tried
 */
static const struct holder {
	const char *name;
	void (*hold)(struct held *h);
	void (*drop)(struct held *h);
	bool gone;
	bool maps;
	unsigned int many;
} holders[] = {
	{ .name = "none", .hold = hold_nothing, .gone = true },
	{ .name = "fd" },
	{ .name = "dup", .hold = hold_dup },
	{ .name = "o-path", .hold = hold_o_path, .many = MANY },
	{ .name = "in-flight", .hold = hold_in_flight },
	{ .name = "vma", .hold = hold_vma, .maps = true, .many = MANY },
	{ .name = "fork", .hold = hold_fork },
	{ .name = "lookup", .hold = hold_lookup, .gone = true },
	{ .name = "watch", .hold = hold_watch, .many = MANY },
	{ .name = "ioas", .hold = hold_ioas, .drop = drop_ioas, .many = MANY },
	{ .name = "memslot", .hold = hold_memslot, .drop = drop_memslot,
	  .maps = true },
};

static struct held held[MANY];
static unsigned int nr_held;
static const struct holder *holder;

static void drop_all(void)
{
	struct held *h;

	for (h = held; h < held + nr_held; h++) {
		if (h->pid) {
			kill(h->pid, SIGKILL);
			waitpid(h->pid, NULL, 0);
		}
		if (h->map)
			munmap(h->map, LENGTH);
		if (holder->drop)
			holder->drop(h);
		close_fd(&h->fd);
		close_fd(&h->aux);
	}
	nr_held = 0;
}

/* How many buffers of our size there are; @state: in this one, NULL: in any */
static unsigned int count_buffers(const char *state)
{
	FILE *f = fopen(DEBUGFS, "re");
	char line[256], size[32], word[32];
	unsigned int nr = 0;

	igt_assert(f);
	snprintf(size, sizeof(size), " size=%u ", (unsigned int)LENGTH);
	snprintf(word, sizeof(word), " state=%s ", state ? state : "");
	while (fgets(line, sizeof(line), f))
		nr += strstr(line, size) && (!state || strstr(line, word));
	fclose(f);
	return nr;
}

static void wait_for_none(void)
{
	const uint64_t end = now_ms() + DEADLINE * 1000;
	unsigned int nr;

	while ((nr = count_buffers(NULL))) {
		igt_assert_f(now_ms() < end,
			     "%u dma-bufs are still there, and nobody holds them\n",
			     nr);
		usleep(1000);
	}
}

/* Whoever still holds something, and whoever watches, sees the state */
static void expect_state(const char *state, bool dead)
{
	const struct held *h;

	if (!holder->gone)
		igt_assert_eq_u32(count_buffers(state), nr_held);
	for (h = held; h < held + nr_held; h++) {
		if (h->map)
			igt_assert_eq(cpu_reachable(h->map),
				      !strcmp(state, "live"));
		if (holder->hold == hold_watch)
			igt_assert_eq(!!(watch_poll(h->aux, 0) & POLLHUP), dead);
	}
}

/*
 * Ends
 */

static void device_open(void)
{
	vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
}

/* The device is as if there had never been a dma-buf */
static void expect_unclaimed(void)
{
	int fd;

	expect_open(&shm, AT);
	fd = export_one(&shm, NO_HOST, AT, LENGTH);
	expect_closed(&shm, AT);
	close(fd);
	/* Unless somebody looks at it in /proc just now */
	while (try_map(&shm, AT, PAGE) == -EBUSY)
		usleep(1000);
	expect_open(&shm, AT);
}

static void end_memory(void)
{
	vfio_memory_enable(&shm, false);
	expect_state("revoked", false);
	vfio_memory_enable(&shm, true);
	expect_state("live", false);
}

static void end_reset(void)
{
	igt_assert_eq(__vfio_reset(&shm), 0);
	/* A buffer that is being mapped again is busy, in no state */
	wait_restored();
	expect_state("live", false);
}

static void end_close(void)
{
	vfio_close(&shm);
	expect_state("dead", true);
	device_open();
	expect_unclaimed();
}

static void end_unbind(void)
{
	vfio_close(&shm);
	igt_assert_eq(__pci_unbind(shm.addr), 0);
	expect_state("dead", true);
	device_open();
	expect_unclaimed();
}

enum { END_MEMORY, END_RESET, END_CLOSE, END_UNBIND, NR_ENDS };

static const struct end {
	const char *name;
	void (*run)(void);
} ends[NR_ENDS] = {
	[END_MEMORY] = { "memory", end_memory },
	[END_RESET] = { "reset", end_reset },
	[END_CLOSE] = { "close", end_close },
	[END_UNBIND] = { "unbind", end_unbind },
};

static void hold_one(struct held *h, int fd)
{
	*h = (struct held){ .fd = fd, .aux = -1,
			    .place = (unsigned int)(h - held) };
	nr_held++;
	if (holder->hold)
		holder->hold(h);
}

static void begin(const struct holder *with)
{
	if (holder)
		drop_all();
	strangers_close();
	vmm_close(&vmm);
	if (shm.fd < 0)
		device_open();
	holder = with;
	wait_for_none();
}

/**
 * SUBTEST: memory
 * Description: Memory disabled and enabled under each holder: states, and
 *	bystanders
 *
 * SUBTEST: reset
 * Description: The device is reset under each holder: states, and bystanders
 *
 * SUBTEST: close
 * Description: The device is closed under each holder: the dma-buf is dead, its
 *	claims are gone
 *
 * SUBTEST: unbind
 * Description: The device is closed under each holder and its driver unbound before
 *	anyone lets go
 *
 * SUBTEST: many
 * Description: 1,000 dma-bufs held the same way; memory is switched off, then the
 *	device closed
 */
static void run(const struct end *end, const struct end *then,
		const struct holder *with, unsigned int nr)
{
	unsigned int i;

	begin(with);
	for (i = 0; i < nr; i++)
		hold_one(&held[i],
			 export_one(&shm, nr == 1 && !with->maps ? NO_HOST : 0,
				    AT, LENGTH));
	strangers_open();

	/* Ends the program if an end does not come */
	alarm(DEADLINE);
	end->run();
	if (then) {
		alarm(DEADLINE);
		then->run();
	}
	alarm(0);

	strangers_check();
	drop_all();
	wait_for_none();
	strangers_check();
}

/*
 * The exporter's process dies, with all it had but the dma-buf
 */

static void export_and_wait(int to)
{
	struct vfio_device dev = { .fd = -1 };
	int own = __iommufd_open(), fd;

	if (own < 0 || __vfio_open(&dev, pci_env("DMABUF_EXPORTER"), own) ||
	    __vfio_memory_enable(&dev, true))
		_exit(1);
	fd = __export_one(&dev, holder->maps ? 0 : NO_HOST, AT, LENGTH);
	if (fd < 0 || __pass_fd(to, &fd))
		_exit(1);
	close(fd);
	for (;;)
		pause();
}

/**
 * SUBTEST: killed
 * Description: The exporting process is killed under each holder
 */
static void run_killed(const struct holder *with)
{
	int pair[2], fd = -1;
	pid_t pid;

	begin(with);
	vfio_close(&shm);
	igt_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
		      0);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		export_and_wait(pair[1]);
	igt_assert_eq(__pass_fd(pair[0], &fd), 0);
	close(pair[0]);
	close(pair[1]);
	hold_one(&held[0], fd);
	strangers_open();

	alarm(DEADLINE);
	kill(pid, SIGKILL);
	igt_assert_eq(waitpid(pid, NULL, 0), pid);
	alarm(0);
	expect_state("dead", true);
	strangers_check();
	device_open();
	expect_unclaimed();
	drop_all();
	wait_for_none();
	strangers_check();
}

static void trace(bool on)
{
	sysfs_write(TRACING "events/dma_buf_phys/enable", on ? "1" : "0");
}

/**
 * SUBTEST: traced
 * Description: Trace events name a dma-buf by its inode, even after its file is
 *	gone
 */
static void traced(void)
{
	char want[64], end[64], line[256], *found;
	unsigned long long ns = 0;
	unsigned int seen = 0;
	struct stat st;
	FILE *f;
	int fd;

	begin(&holders[0]);
	trace_clear();
	fd = vfio_dmabuf_one(&shm, SHM_BAR, AT, LENGTH);
	igt_assert_eq(fstat(fd, &st), 0);
	snprintf(want, sizeof(want), "revoke_begin: ino=%llu",
		 (unsigned long long)st.st_ino);
	snprintf(end, sizeof(end), "revoke_end: ino=%llu ns=",
		 (unsigned long long)st.st_ino);
	nr_held = 1;
	held[0] = (struct held){ .fd = fd, .aux = -1 };
	hold_o_path(&held[0]);
	strangers_open();
	vfio_memory_enable(&shm, false);
	vfio_memory_enable(&shm, true);
	drop_all();

	f = fopen(TRACING "trace", "re");
	igt_assert(f);
	while (fgets(line, sizeof(line), f)) {
		seen += !!strstr(line, want);
		found = strstr(line, end);
		if (found)
			ns = strtoull(found + strlen(end), NULL, 10);
	}
	fclose(f);
	igt_assert_eq_u32(seen, 1);
	igt_assert_neq_u64(ns, 0);
}

int igt_main()
{
	/* Outlive the jump out of a failed subtest */
	static size_t h, e;

	igt_fixture() {
		const struct rlimit files = { 4 * MANY, 4 * MANY };

		igt_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
		cpu_access_init();
		for (h = 0; h < STRANGERS; h++)
			strangers[h].fd = -1;
		iommufd = iommufd_open();
		ioas = ioas_alloc(iommufd);
		queries = query_open();
		device_open();
		igt_require(vfio_has_dmabuf(&shm));
		trace(true);
	}

	for (e = 0; e < NR_ENDS; e++) {
		igt_subtest_with_dynamic(ends[e].name)
			for (h = 0; h < NR_HOLDERS; h++)
				igt_dynamic(holders[h].name)
					run(&ends[e], NULL, &holders[h], 1);
	}

	igt_subtest_with_dynamic("killed")
		for (h = 0; h < NR_HOLDERS; h++)
			igt_dynamic(holders[h].name)
				run_killed(&holders[h]);

	igt_subtest_with_dynamic("many")
		for (h = 0; h < NR_HOLDERS; h++) {
			if (!holders[h].many)
				continue;
			igt_dynamic(holders[h].name)
				run(&ends[END_MEMORY], &ends[END_CLOSE],
				    &holders[h], holders[h].many);
		}

	igt_subtest("traced")
		traced();

	igt_fixture() {
		trace(false);
		vmm_close(&vmm);
		strangers_close();
		vfio_close(&shm);
		close(queries);
		close(iommufd);
	}
}
