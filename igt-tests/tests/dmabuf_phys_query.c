// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys query
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: query
 * Functionality: what a buffer tells of itself
 * Description: What /dev/dma_buf_phys says is in a dma-buf and who uses it, against
 *	what the test knows. Every field of an answer is compared, so that there is
 *	no room for a physical address
 * Test category: functionality test
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "module.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "ranges.h"
#include "sg_importer.h"
#include "subtests.h"
#include "vfio.h"

#define MANY 65536u
#define ANY_LENGTH MiB(1)
#define MOVABLE_PAGES 8u
#define MOVABLE_SIZE (MOVABLE_PAGES * PAGE)

static int phys = -1, iommufd = -1;
static struct vfio_device shm = { .fd = -1 }, nvme1 = { .fd = -1 };
static struct dma_buf_phys_query q;
static struct dma_buf_phys_group_info groups[8];

/* What a subtest asks about; begin() closes what the one before has left */
static int dmabuf = -1;

static void begin(void)
{
	close_fd(&dmabuf);
}

/* ivshmem is either VFIO's or that of the exporter whose buffers move */
static void with_vfio(void)
{
	if (shm.fd < 0)
		vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	vfio_memory_enable(&shm, true);
}

static int start_movable(void)
{
	int movable;

	vfio_close(&shm);
	movable_bind();
	movable = movable_open();
	dmabuf = movable_create(movable, MOVABLE_SIZE);
	return movable;
}

static void ask(int fd)
{
	query_groups(phys, fd, &q, groups, 8);
}

static void expect_group(unsigned int i, uint64_t length, uint32_t nr_frags,
			 uint32_t type, uint32_t attr, const char *provider)
{
	igt_assert(i < q.nr_groups);
	igt_assert_eq_u64(groups[i].length, length);
	igt_assert_eq_u32(groups[i].nr_frags, nr_frags);
	igt_assert_eq_u32(groups[i].type, type);
	igt_assert_eq_u32(groups[i].attr, attr);
	igt_assert_eq_u64(groups[i].provider,
			  provider ? query_device(provider) :
				     DMA_BUF_PHYS_NO_DEVICE);
	igt_assert_eq_u32(groups[i].route, DMA_BUF_PHYS_ROUTE_UNKNOWN);
}

static void expect_bar_group(unsigned int i, uint64_t length, uint32_t nr_frags,
			     const char *provider)
{
	expect_group(i, length, nr_frags, DMA_BUF_PHYS_QUERY_P2P,
		     DMA_BUF_PHYS_QUERY_UC, provider);
}

static void expect_memory_group(unsigned int i, uint64_t length,
				uint32_t nr_frags)
{
	expect_group(i, length, nr_frags, DMA_BUF_PHYS_QUERY_CPU,
		     DMA_BUF_PHYS_QUERY_WB, NULL);
}

static void expect(uint32_t nr_groups, uint64_t length, uint64_t nr_frags)
{
	igt_assert_eq_u32(q.nr_groups, nr_groups);
	igt_assert_eq_u64(q.length, length);
	igt_assert_eq_u64(q.nr_frags, nr_frags);
	igt_assert_eq_u32(q.state, DMA_BUF_PHYS_QUERY_LIVE);
	igt_assert_eq_u64(q.device, 0);
	igt_assert_eq_u32(q.nr_importers, 0);
	igt_assert_eq_u32(q.nr_mapped, 0);
}

static void bar_of(const struct vfio_region_dma_range *ranges, size_t nr,
		   uint32_t nr_frags)
{
	const uint64_t size = ranges_size(ranges, nr);
	int fd = vfio_dmabuf(&shm, SHM_BAR, ranges, nr);

	ask(fd);
	expect(1, size, nr_frags);
	expect_bar_group(0, size, nr_frags, shm.addr);
	igt_assert_eq_u64(q.generation, 0);
	close(fd);
}

/**
 * SUBTEST: bar
 * Description: One BAR: one range, ranges that merge, ranges that do not, 65,536 of
 *	them
 */
static void bar(void)
{
	static const struct vfio_region_dma_range all = { 0, GiB(1) };
	static const struct vfio_region_dma_range merge[] = {
		{ MiB(8), MiB(2) }, { MiB(10), PAGE }, { 0, PAGE },
	};
	struct vfio_region_dma_range *many = ranges_scattered(MANY, 0, PAGE);

	with_vfio();
	bar_of(&all, 1, 1);
	bar_of(merge, 3, 2);
	bar_of(many, MANY, MANY);
	free(many);
}

/**
 * SUBTEST: two-bars
 * Description: Two BARs of a device: a group each, and another when the first BAR
 *	comes again
 */
static void two_bars(void)
{
	const uint64_t bar0 = nvme1.region[0].offset;
	const uint64_t bar2 = nvme1.region[2].offset;
	const struct vfio_region_dma_range ranges[] = {
		{ bar2 + MiB(1), MiB(1) }, { bar2 + MiB(4), PAGE },
		{ bar0, PAGE }, { bar2, PAGE }, { bar2 + PAGE, PAGE },
	};

	dmabuf = __vfio_dmabuf_bars(&nvme1, ranges, 5);
	igt_assert_fd(dmabuf);
	ask(dmabuf);
	expect(3, MiB(1) + 4 * PAGE, 4);
	expect_bar_group(0, MiB(1) + PAGE, 2, nvme1.addr);
	expect_bar_group(1, PAGE, 1, nvme1.addr);
	expect_bar_group(2, 2 * PAGE, 1, nvme1.addr);
}

/**
 * SUBTEST: udmabuf
 * Description: A udmabuf: memory, write-back, without a device
 */
static void udmabuf(void)
{
	int memfd = sealed_memfd(ANY_LENGTH);

	module_load("udmabuf");
	dmabuf = __udmabuf(memfd, 0, ANY_LENGTH);
	igt_assert_fd(dmabuf);
	close(memfd);
	ask(dmabuf);
	/* How its pages lie is up to the allocator */
	igt_assert_lte_u64(1, q.nr_frags);
	igt_assert_lte_u64(q.nr_frags, ANY_LENGTH / PAGE);
	expect(1, ANY_LENGTH, q.nr_frags);
	expect_memory_group(0, ANY_LENGTH, (uint32_t)q.nr_frags);
}

/**
 * SUBTEST: encrypted
 * Description: Memory without host access
 */
static void encrypted(void)
{
	struct vfio_region_dma_range range = { MiB(4), ANY_LENGTH };

	dmabuf = __export_ranges(&nvme1, NO_HOST, 2, &range, 1);
	igt_assert_fd(dmabuf);
	ask(dmabuf);
	expect(1, ANY_LENGTH, 1);
	expect_group(0, ANY_LENGTH, 1, DMA_BUF_PHYS_QUERY_ENCRYPTED,
		     DMA_BUF_PHYS_QUERY_UC, NULL);
}

/**
 * SUBTEST: mixed
 * Description: A buffer that moves between memory and a BAR, at every place
 */
static void mixed(void)
{
	/* Groups in order: 'm' is memory, 'b' the BAR */
	static const char *const places[] = {
		[DMA_BUF_MOVABLE_SYSTEM] = "m",
		[DMA_BUF_MOVABLE_BAR] = "b",
		[DMA_BUF_MOVABLE_BAR_SYSTEM] = "bm",
		[DMA_BUF_MOVABLE_SYSTEM_BAR] = "mb",
	};
	int movable = start_movable(), i;

	for (i = 0; i < 2 * DMA_BUF_MOVABLE_NR_PLACEMENTS; i++) {
		const uint32_t to = i % DMA_BUF_MOVABLE_NR_PLACEMENTS;
		const uint32_t nr = (uint32_t)strlen(places[to]);
		uint32_t g;

		movable_move(movable, MOVABLE_TO(to), 1, 0);
		ask(dmabuf);
		igt_assert_eq_u64(q.generation, i + 1);
		/* No two of its pages are neighbours */
		expect(nr, MOVABLE_SIZE, MOVABLE_PAGES);
		for (g = 0; g < nr; g++) {
			if (places[to][g] == 'm')
				expect_memory_group(g, MOVABLE_SIZE / nr,
						    MOVABLE_PAGES / nr);
			else
				expect_bar_group(g, MOVABLE_SIZE / nr,
						 MOVABLE_PAGES / nr,
						 pci_env("DMABUF_EXPORTER"));
		}
	}
	close(movable);
}

static void expect_state(int fd, uint32_t state, uint64_t generation)
{
	ask(fd);
	igt_assert_eq_u32(q.state, state);
	igt_assert_eq_u64(q.generation, generation);
	igt_assert_eq_u64(q.length, ANY_LENGTH);
	if (state == DMA_BUF_PHYS_QUERY_DEAD) {
		igt_assert_eq_u32(q.nr_groups, 0);
		igt_assert_eq_u64(q.nr_frags, 0);
	} else {
		igt_assert_eq_u32(q.nr_groups, 1);
		expect_bar_group(0, ANY_LENGTH, 1, shm.addr);
	}
}

/**
 * SUBTEST: state
 * Description: State and generation through revoke, restore, a reset and the end;
 *	the groups of a revoked buffer are known, those of a dead one are not
 */
static void state(void)
{
	int live, born_revoked, i;

	with_vfio();
	live = vfio_dmabuf_one(&shm, SHM_BAR, 0, ANY_LENGTH);
	for (i = 0; i < 3; i++) {
		expect_state(live, DMA_BUF_PHYS_QUERY_LIVE, 2 * i);
		vfio_memory_enable(&shm, false);
		expect_state(live, DMA_BUF_PHYS_QUERY_REVOKED, 2 * i + 1);
		/* Off while it is off is no event */
		vfio_memory_enable(&shm, false);
		expect_state(live, DMA_BUF_PHYS_QUERY_REVOKED, 2 * i + 1);
		vfio_memory_enable(&shm, true);
	}
	igt_assert_eq(__vfio_reset(&shm), 0);
	expect_state(live, DMA_BUF_PHYS_QUERY_LIVE, 8);

	vfio_memory_enable(&shm, false);
	born_revoked = vfio_dmabuf_one(&shm, SHM_BAR, 0, ANY_LENGTH);
	expect_state(born_revoked, DMA_BUF_PHYS_QUERY_REVOKED, 0);
	vfio_memory_enable(&shm, true);
	expect_state(born_revoked, DMA_BUF_PHYS_QUERY_LIVE, 1);
	expect_state(live, DMA_BUF_PHYS_QUERY_LIVE, 10);

	vfio_close(&shm);
	expect_state(live, DMA_BUF_PHYS_QUERY_DEAD, 11);
	with_vfio();
	expect_state(live, DMA_BUF_PHYS_QUERY_DEAD, 11);
	expect_state(born_revoked, DMA_BUF_PHYS_QUERY_DEAD, 2);
	close(live);
	close(born_revoked);
}

/**
 * SUBTEST: few-groups
 * Description: Room for fewer groups than there are: the first ones are written,
 *	nothing beyond the array is touched, and all are counted
 */
static void few_groups(void)
{
	struct dma_buf_phys_group_info few[3];
	uint32_t nr, i;

	dmabuf = vfio_dmabuf_two_bars(&nvme1, 2, 0, 0, 0);
	for (nr = 0; nr <= 3; nr++) {
		memset(few, 0xa5, sizeof(few));
		memset(&q, 0, sizeof(q));
		q.nr_groups = nr;
		igt_assert_eq(__query(phys, dmabuf, &q, few), 0);
		igt_assert_eq_u32(q.nr_groups, 2);
		igt_assert_eq_u64(q.nr_frags, 2);
		for (i = 0; i < nr && i < 2; i++)
			igt_assert_eq_u64(few[i].offset, i * PAGE);
		for (; i < 3; i++) {
			igt_assert_eq_u64(few[i].offset, 0xa5a5a5a5a5a5a5a5);
			igt_assert_eq_u32(few[i].route, 0xa5a5a5a5);
		}
	}
}

static void *toggle_thread(void *stop)
{
	unsigned long *revokes = stop;

	while (!__atomic_load_n(&revokes[1], __ATOMIC_ACQUIRE)) {
		if (__vfio_memory_enable(&nvme1, false) ||
		    __vfio_memory_enable(&nvme1, true))
			break;
		__atomic_add_fetch(&revokes[0], 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/**
 * SUBTEST: many-groups
 * Description: 1,000 groups, more than are described at once, all or the first 600;
 *	a buffer that is revoked and restored meanwhile is still described as one
 */
static void many_groups(void)
{
	const uint32_t nr = 1000, few = 600;
	struct dma_buf_phys_group_info *infos = calloc(nr, sizeof(*infos));
	unsigned long revokes[2] = {};
	unsigned int answers;
	pthread_t thread;

	igt_assert(infos);
	dmabuf = vfio_dmabuf_many_groups(&nvme1, nr);
	query_groups(phys, dmabuf, &q, infos, nr);
	igt_assert_eq_u32(q.nr_groups, nr);

	memset(infos, 0xa5, nr * sizeof(*infos));
	memset(&q, 0, sizeof(q));
	q.nr_groups = few;
	igt_assert_eq(__query(phys, dmabuf, &q, infos), 0);
	igt_assert_eq_u32(q.nr_groups, nr);
	igt_assert_eq_u64(infos[few - 1].offset, (few - 1) * PAGE);
	igt_assert_eq_u32(infos[few].route, 0xa5a5a5a5);

	igt_assert(!pthread_create(&thread, NULL, toggle_thread, revokes));
	for (answers = 0; answers < 50 ||
	     !__atomic_load_n(&revokes[0], __ATOMIC_ACQUIRE); answers++) {
		query_groups(phys, dmabuf, &q, infos, nr);
		igt_assert_eq_u32(q.nr_groups, nr);
	}
	__atomic_store_n(&revokes[1], 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	free(infos);
}

/*
 * The lines of debugfs about @dmabuf: the first of them in @line, those of importers in
 * @importers, the first of a group in @group
 */
static unsigned int debugfs_lines(char *line, size_t size, char *importers,
				  char *group)
{
	FILE *f = fopen("/sys/kernel/debug/dma_buf_phys/buffers", "re");
	unsigned int lines = 0;
	char text[256], ino[32];
	struct stat st;

	igt_assert(f);
	igt_assert_eq(fstat(dmabuf, &st), 0);
	snprintf(ino, sizeof(ino), "%llu exporter=",
		 (unsigned long long)st.st_ino);
	while (fgets(text, sizeof(text), f)) {
		if (!strncmp(text, ino, strlen(ino))) {
			snprintf(line, size, "%s", text);
			lines = 1;
		} else if (lines && !strncmp(text, "  importer=", 11)) {
			snprintf(importers + strlen(importers),
				 size - strlen(importers), "%s", text);
		} else if (lines && text[0] == ' ') {
			if (lines++ == 1)
				snprintf(group, size, "%s", text);
		} else if (lines) {
			break;
		}
	}
	fclose(f);
	return lines;
}

static void expect_debugfs(const char *state, const char *importers,
			   const char *group, unsigned int groups_shown)
{
	char line[256] = "", found[256] = "", first[256] = "", want[256];
	struct stat st;

	igt_assert_eq(fstat(dmabuf, &st), 0);
	query(phys, dmabuf, &q);
	igt_assert_eq_u32(debugfs_lines(line, sizeof(line), found, first),
			  1 + groups_shown);
	igt_assert_f(!strcmp(found, importers), "'%s' instead of '%s'\n", found,
		     importers);
	snprintf(want, sizeof(want),
		 "%llu exporter=vfio_pci_core size=%llu state=%s attached=%u behind=%u failed=%u mapped=%u frags=%llu\n",
		 (unsigned long long)st.st_ino, (unsigned long long)q.length,
		 state, q.nr_importers, q.nr_behind, q.nr_failed, q.nr_mapped,
		 (unsigned long long)q.nr_frags);
	igt_assert_f(!strcmp(line, want), "'%s' instead of '%s'\n", line, want);
	igt_assert_f(!strcmp(first, group), "'%s' instead of '%s'\n", first,
		     group);
}

/**
 * SUBTEST: debugfs
 * Description: debugfs shows root what a query reports, state, users, groups, and who
 *		imports
 */
static void debugfs(void)
{
	char group[256];
	uint32_t ioas = ioas_alloc(iommufd);

	snprintf(group, sizeof(group),
		 "  group offset=0 length=4096 type=p2p attr=uc frags=1 provider=%s\n",
		 nvme1.addr);
	dmabuf = vfio_dmabuf_many_groups(&nvme1, 2);
	expect_debugfs("live", "", group, 2);
	ioas_map_file(iommufd, ioas, dmabuf, 0, PAGE, GiB(4));
	expect_debugfs("live", "  importer=iommufd device=none mapped=1\n", group, 2);
	vfio_memory_enable(&nvme1, false);
	expect_debugfs("revoked", "  importer=iommufd device=none mapped=0\n", group, 2);
	ioas_unmap(iommufd, ioas, GiB(4), PAGE);
	vfio_memory_enable(&nvme1, true);
	close_fd(&dmabuf);

	dmabuf = vfio_dmabuf_many_groups(&nvme1, 200);
	expect_debugfs("live", "", group, 64);
	iommufd_destroy(iommufd, ioas);
}

static void expect_users(int fd, uint32_t importers, uint32_t mapped)
{
	query(phys, fd, &q);
	igt_assert_eq_u32(q.nr_importers, importers);
	igt_assert_eq_u32(q.nr_mapped, mapped);
}

/**
 * SUBTEST: importers
 * Description: Importers and mappings are counted as iommufd and a scatterlist
 *	importer come, map, lose access and go; who only asks or watches is none
 */
static void importers(void)
{
	uint32_t ioas = ioas_alloc(iommufd);
	int fd, sg, watcher;

	with_vfio();
	sg_bind(pci_env("DMABUF_EDU"));
	sg = sg_open();
	fd = vfio_dmabuf_one(&shm, SHM_BAR, 0, ANY_LENGTH);
	expect_users(fd, 0, 0);
	watcher = watch(phys, fd, O_CLOEXEC);
	expect_users(fd, 0, 0);
	ioas_map_file(iommufd, ioas, fd, 0, ANY_LENGTH, GiB(4));
	expect_users(fd, 1, 1);
	ioas_map_file(iommufd, ioas, fd, 0, PAGE, GiB(5));
	expect_users(fd, 2, 2);
	igt_assert_eq(__sg_attach(sg, fd, 0), 0);
	expect_users(fd, 3, 2);
	igt_assert_eq(__sg_map(sg), 0);
	expect_users(fd, 3, 3);

	vfio_memory_enable(&shm, false);
	expect_users(fd, 3, 0);
	vfio_memory_enable(&shm, true);
	/* iommufd maps by itself, a scatterlist importer at its next use */
	expect_users(fd, 3, 2);

	igt_assert_eq(__sg_detach(sg), 0);
	expect_users(fd, 2, 2);
	ioas_unmap(iommufd, ioas, GiB(5), PAGE);
	ioas_unmap(iommufd, ioas, GiB(4), ANY_LENGTH);
	expect_users(fd, 0, 0);
	close(watcher);
	close(fd);
	close(sg);
	iommufd_destroy(iommufd, ioas);
}

/**
 * SUBTEST: user
 * Description: An unprivileged program can query and watch a dma-buf it was given
 */
static void user(void)
{
	int status = -1;
	pid_t pid;

	with_vfio();
	dmabuf = vfio_dmabuf_one(&shm, SHM_BAR, 0, ANY_LENGTH);
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		int dev;

		if (setgid(65534) || setuid(65534) || !setuid(0))
			_exit(1);
		dev = __query_open();
		memset(&q, 0, sizeof(q));
		q.nr_groups = 1;
		if (dev < 0 || __query(dev, dmabuf, &q, groups) ||
		    q.nr_groups != 1 || q.length != ANY_LENGTH ||
		    groups[0].provider != query_device(shm.addr))
			_exit(2);
		if (__watch(dev, dmabuf, 0) < 0)
			_exit(3);
		_exit(0);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status));
	igt_assert_eq(WEXITSTATUS(status), 0);
}

static void expect_routes(uint32_t nr_groups, uint32_t first, uint32_t second)
{
	const uint64_t edu = query_device(pci_env("DMABUF_EDU"));

	igt_assert_eq(__query_route(phys, dmabuf, edu, &q, groups), 0);
	igt_assert_eq_u32(q.nr_groups, nr_groups);
	igt_assert_eq_u32(groups[0].route, first);
	if (nr_groups > 1)
		igt_assert_eq_u32(groups[1].route, second);
}

/**
 * SUBTEST: route
 * Description: Through the host bridge to a BAR, as to memory to memory; see
 *	dmabuf_phys_route for the other topologies
 */
static void route(void)
{
	int movable;

	dmabuf = vfio_dmabuf_two_bars(&nvme1, 2, 0, 0, 0);
	expect_routes(2, DMA_BUF_PHYS_ROUTE_HOST_BRIDGE,
		      DMA_BUF_PHYS_ROUTE_HOST_BRIDGE);
	begin();
	movable = start_movable();
	expect_routes(1, DMA_BUF_PHYS_ROUTE_MEMORY, 0);
	movable_move(movable, MOVABLE_TO(DMA_BUF_MOVABLE_BAR_SYSTEM), 1, 0);
	expect_routes(2, DMA_BUF_PHYS_ROUTE_HOST_BRIDGE,
		      DMA_BUF_PHYS_ROUTE_MEMORY);
	close(movable);
}

static const struct subtest tests[] = {
	{ "bar", bar },
	{ "two-bars", two_bars },
	{ "udmabuf", udmabuf },
	{ "encrypted", encrypted },
	{ "mixed", mixed },
	{ "state", state },
	{ "few-groups", few_groups },
	{ "many-groups", many_groups },
	{ "debugfs", debugfs },
	{ "importers", importers },
	{ "user", user },
	{ "route", route },
};

/* Asking is no business of the log; VFIO's resets are told there */
static int all_lines = -1, resets = -1;

static void listen(void)
{
	begin();
	close_fd(&all_lines);
	close_fd(&resets);
	all_lines = klog_open();
	resets = klog_open();
}

static void expect_silence(void)
{
	igt_assert_eq((int)klog_count(all_lines, NULL),
		      (int)klog_count(resets, "reset"));
}

int igt_main()
{
	igt_fixture() {
		klog_no_other_faults();
		phys = query_open();
		iommufd = iommufd_open();
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	}

	subtests(tests, listen, expect_silence);

	igt_fixture() {
		begin();
		close_fd(&all_lines);
		close_fd(&resets);
		vfio_close(&shm);
		vfio_close(&nvme1);
		close(phys);
		close(iommufd);
	}

	/**
	 * SUBTEST: bad-query
	 * Description: A query with one field wrong at a time; sizes of all structures,
	 *	shorter and longer than the kernel's
	 *
	 * SUBTEST: bad-watch
	 * Description: A watch request with one field wrong at a time
	 *
	 * SUBTEST: bad-pointer
	 * Description: Structures that are missing, partly missing, outside the program's
	 *	address space, or read-only
	 *
	 * SUBTEST: bad-call
	 * Description: Calls that do not exist, here or on a watch, and files of another
	 *	kind
	 */
	query_bad_subtests();
}
