// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma export
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: export of device memory
 * Description: What an RDMA driver lets programs export of its device: who can use it,
 *	and how it ends with the program's context or with the device
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "nvme.h"
#include "pci.h"
#include "query.h"
#include "rdma.h"
#include "subtests.h"
#include "vtd.h"

#define BASE GiB(4)
#define DEBUGFS "/sys/kernel/debug/dma_buf_phys/buffers"

static const char *edu;
static int queries = -1, iommufd = -1, dmabuf = -1, path_fd = -1;
static uint32_t ioas;
static struct nvme nvme = { .dev.fd = -1 };
static struct ibv_context *context;
static uint8_t *map;

static void context_close(void)
{
	if (context)
		ibv_close_device(context);
	context = NULL;
}

static void close_all(void)
{
	if (map)
		munmap(map, PAGE);
	map = NULL;
	close_fd(&dmabuf);
	close_fd(&path_fd);
	context_close();
	nvme_close(&nvme);
	close_fd(&iommufd);
}

/* A page of edu in the IOMMU's tables for another device, and in this program's */
static void start(void)
{
	struct verbs_device device;
	uint64_t word;

	close_all();
	rdma_bind(edu);
	rdma_lose_page(false);
	igt_assert_eq(__rdma_wait_device(edu, &device), 0);
	igt_assert_eq(__verbs_open(device.name, &context), 0);
	dmabuf = __verbs_alloc_dmabuf(context, 0);
	igt_assert_f(dmabuf >= 0, "cannot export a page: %s\n",
		     strerror(-dmabuf));
	iommufd = iommufd_open();
	ioas = ioas_alloc(iommufd);
	nvme_open(&nvme, iommufd);
	nvme_attach(&nvme, ioas);
	ioas_map_file(iommufd, ioas, dmabuf, 0, PAGE, BASE);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq(__cpu_load(map, &word), 0);
	/* No register is there */
	igt_assert_eq_u64(word, UINT64_MAX);
}

/* Physical address of edu's BAR */
static uint64_t edu_bar(void)
{
	uint64_t start = pci_bar(edu, 0, NULL);

	igt_assert(start);
	return start;
}

/* State of the only buffer of uverbs, which has no descriptor any more */
static bool state_is(const char *state)
{
	char line[256], wanted[32];
	FILE *file = fopen(DEBUGFS, "r");
	bool found = false;

	igt_assert(file);
	snprintf(wanted, sizeof(wanted), " state=%s ", state);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, " exporter=ib_uverbs ") &&
		    strstr(line, wanted))
			found = true;
	fclose(file);
	return found;
}

static void expect_dead(void)
{
	struct dma_buf_phys_query q = { .flags = 0 };
	uint64_t word;

	igt_assert(!vtd_mapped(nvme.dev.addr, BASE));
	igt_assert_eq(__cpu_load(map, &word), -EFAULT);
	if (dmabuf >= 0) {
		query(queries, dmabuf, &q);
		igt_assert_eq_u32(q.state, DMA_BUF_PHYS_QUERY_DEAD);
		igt_assert_eq_u32(q.nr_mapped, 0);
		igt_assert_eq(__ioas_map_file(iommufd, ioas, dmabuf, 0, PAGE,
					      BASE + GiB(1)), -ENODEV);
	}
}

/**
 * SUBTEST: use
 * Description: It is a page of the device's BAR, readable and writable for the
 *	IOMMU, the CPU and a query; no other place can be exported
 */
static void use(void)
{
	struct dma_buf_phys_group_info group;
	struct dma_buf_phys_query q;
	struct vtd_entry entry;

	start();
	query_groups(queries, dmabuf, &q, &group, 1);
	igt_assert_eq_u32(q.state, DMA_BUF_PHYS_QUERY_LIVE);
	igt_assert_eq_u64(q.length, PAGE);
	igt_assert_eq_u32(group.type, DMA_BUF_PHYS_QUERY_P2P);
	igt_assert_eq_u32(group.attr, DMA_BUF_PHYS_QUERY_UC);
	igt_assert_eq_u64(group.provider, query_device(edu));
	igt_assert_eq(fcntl(dmabuf, F_GETFL) & O_ACCMODE, O_RDWR);

	vtd_lookup(nvme.dev.addr, BASE, &entry);
	igt_assert(entry.present && entry.readable && entry.writable);
	igt_assert_eq_u64(entry.paddr, edu_bar() + PAGE);

	igt_assert_eq(__verbs_alloc_dmabuf(context, PAGE), -EINVAL);
	igt_assert_eq(__verbs_alloc_dmabuf(context, GiB(64)), -EINVAL);
}

/**
 * SUBTEST: close
 * Description: The program's context is closed, and with it all access ends
 */
static void context_closed(void)
{
	start();
	context_close();
	expect_dead();
	/* Another context's page is not this one */
	close_all();
	start();
	igt_assert(vtd_mapped(nvme.dev.addr, BASE));
}

/**
 * SUBTEST: unbind
 * Description: The RDMA driver is unbound
 */
static void unbind(void)
{
	start();
	igt_assert_eq(__pci_unbind(edu), 0);
	expect_dead();
	close_fd(&dmabuf);
	start();
	igt_assert(vtd_mapped(nvme.dev.addr, BASE));
}

/**
 * SUBTEST: file-gone
 * Description: The last descriptor is closed and only a path to the dma-buf is
 *	left: when the context goes, and when the driver does, the dma-buf is dead
 *	and a file that was opened in its place is left alone
 */
static void file_gone(bool by_unbind)
{
	char name[] = "/tmp/stranger-XXXXXX", path[64];
	uint64_t *page[16];
	int fd, fds[16];
	size_t i;

	start();
	munmap(map, PAGE);
	map = NULL;
	ioas_unmap(iommufd, ioas, BASE, PAGE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dmabuf);
	path_fd = open(path, O_PATH | O_CLOEXEC);
	igt_assert_fd(path_fd);
	close_fd(&dmabuf);

	fd = mkstemp(name);
	igt_assert_fd(fd);
	igt_assert_eq(ftruncate(fd, PAGE), 0);
	for (i = 0; i < 16; i++) {
		fds[i] = open(name, O_RDWR | O_CLOEXEC);
		igt_assert_fd(fds[i]);
		page[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			       fds[i], 0);
		igt_assert(page[i] != MAP_FAILED);
		*page[i] = 0x5a5a + i;
	}
	igt_assert(state_is("live"));
	if (by_unbind)
		igt_assert_eq(__pci_unbind(edu), 0);
	else
		context_close();
	igt_assert(state_is("dead"));
	for (i = 0; i < 16; i++) {
		igt_assert_eq_u64(*page[i], 0x5a5a + i);
		munmap(page[i], PAGE);
		close(fds[i]);
	}
	unlink(name);
	close(fd);
	close_fd(&path_fd);
	context_close();
	igt_assert(!state_is("dead") && !state_is("live"));
}

/**
 * SUBTEST: page-lost
 * Description: The driver takes its page away while a program exports it: that fails and
 *	leaves nothing; the page of another context can be exported
 */
static void page_lost(void)
{
	start();
	rdma_lose_page(true);
	close_fd(&dmabuf);
	igt_assert_eq(__verbs_alloc_dmabuf(context, 0), -EIO);
	rdma_lose_page(false);
	expect_dead();
	igt_assert_eq(__verbs_alloc_dmabuf(context, 0), -EINVAL);
	munmap(map, PAGE);
	map = NULL;
	ioas_unmap(iommufd, ioas, BASE, PAGE);
	igt_assert(!state_is("live") && !state_is("dead"));
	start();
	igt_assert(vtd_mapped(nvme.dev.addr, BASE));
}

int igt_main()
{
	igt_fixture() {
		edu = pci_env("DMABUF_EDU");
		rdma_require_lists();
		queries = query_open();
		cpu_access_init();
	}

	igt_subtest("use")
		use();

	igt_subtest("close")
		context_closed();

	igt_subtest("unbind")
		unbind();

	igt_subtest("page-lost")
		page_lost();

	igt_subtest("file-gone") {
		file_gone(false);
		file_gone(true);
	}

	igt_fixture() {
		close_all();
		close_fd(&queries);
	}
}
