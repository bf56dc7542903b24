// SPDX-License-Identifier: MIT
/*
 * QEMU's edu as an RDMA device, and what its driver tells of itself in debugfs
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt_core.h"
#include "memory.h"
#include "module.h"
#include "pci.h"
#include "rdma.h"
#include "sysfs.h"

#define DRIVER "edu_ib"

void rdma_bind(const char *addr)
{
	struct verbs_device device;
	int ret;

	module_require(DRIVER);
	ret = __rdma_bind(addr, &device);
	igt_assert_f(!ret,
		     "%s: cannot make it an RDMA device by " DRIVER
		     ": %s. %s\n", addr, strerror(-ret),
		     ret == -ELIBACC ? RDMA_NO_PROVIDER : "See the kernel's log");
	igt_info("%s: %s at %s\n", addr, device.name, device.node);
}

void rdma_require_lists(void)
{
	module_load("ib_uverbs");
	igt_require_f(module_symbol_exists("ib_umem_phys_map"),
		      "this kernel's ib_core takes no physical lists\n");
}

void rdma_open(struct rdma *rdma, const char *addr)
{
	struct verbs_device device = { .name = "" };
	int ret = __rdma_wait_device(addr, &device);

	if (!ret)
		ret = __rdma_open(rdma, device.name);
	igt_assert_f(!ret,
		     "%s: cannot connect two queue pairs of its RDMA device '%s': %s. %s\n",
		     addr, device.name, strerror(-ret),
		     ret == -ELIBACC ? RDMA_NO_PROVIDER :
				       "Is " DRIVER " bound?");
}

void rdma_reset(struct rdma *rdma)
{
	int ret = __rdma_reset(rdma);

	igt_assert_f(!ret, "cannot connect the queue pairs again: %s\n",
		     strerror(-ret));
}

void rdma_reg_memory(struct rdma *rdma, void *addr, uint64_t length,
		     struct verbs_mr *mr)
{
	int ret = __rdma_reg_memory(rdma, addr, length, mr);

	igt_assert_f(!ret,
		     "cannot register 0x%" PRIx64
		     " bytes of memory: %s. If out of memory: raise 'ulimit -l'\n",
		     length, strerror(-ret));
}

void rdma_reg_dmabuf(struct rdma *rdma, int fd, uint64_t offset,
		     uint64_t length, struct verbs_mr *mr)
{
	int ret = __rdma_reg_dmabuf(rdma, fd, offset, length, mr);

	igt_assert_f(!ret,
		     "cannot register 0x%" PRIx64 "+0x%" PRIx64
		     " of the dma-buf: %s\n",
		     offset, length, strerror(-ret));
}

void rdma_copy(struct rdma *rdma, enum ibv_wr_opcode opcode,
	       const struct verbs_mr *local, uint64_t local_at,
	       const struct verbs_mr *remote, uint64_t remote_at,
	       uint32_t length)
{
	int ret = __rdma_copy(rdma, opcode, local, local_at, remote, remote_at,
			      length);

	igt_assert_f(!ret, "RDMA %s of %u bytes at 0x%" PRIx64 ": %s\n",
		     opcode == IBV_WR_RDMA_READ ? "READ" : "WRITE",
		     length, remote_at, verbs_wc_name(ret));
}

void rdma_pair_open(struct rdma *rdma, struct rdma_pair *pair, int dmabuf,
		    size_t size)
{
	pair->size = size;
	pair->mem = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(pair->mem != MAP_FAILED);
	rdma_reg_memory(rdma, pair->mem, size + PAGE, &pair->mem_mr);
	rdma_reg_dmabuf(rdma, dmabuf, 0, size, &pair->buffer_mr);
}

void rdma_pair_close(struct rdma_pair *pair)
{
	munmap(pair->mem, pair->size + PAGE);
}

int __rdma_pair_copy(struct rdma *rdma, struct rdma_pair *pair, bool to_buffer,
		     uint64_t at, uint8_t *data, uint32_t length)
{
	int ret;

	pair->mem[length] = 0x5a;
	if (to_buffer)
		memcpy(pair->mem, data, length);
	ret = __rdma_copy(rdma, to_buffer ? IBV_WR_RDMA_WRITE :
					    IBV_WR_RDMA_READ,
			  &pair->mem_mr, pair->mem_mr.iova, &pair->buffer_mr, at,
			  length);
	if (!to_buffer)
		memcpy(data, pair->mem, length);
	igt_assert_eq(pair->mem[length], 0x5a);
	return ret;
}

void rdma_expect(const char *what, int status, int expected)
{
	igt_assert_f(status == expected, "%s: %s (%d) instead of %s (%d)\n",
		     what, verbs_wc_name(status), status,
		     verbs_wc_name(expected), expected);
}

/* The driver's file of that name in debugfs */
static void debug_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, RDMA_DEBUGFS "/%s/%s",
		 pci_env("DMABUF_EDU"), name);
}

/* Between two transfers of a message it is idle for a moment only */
#define IDLE_LOOKS 500

bool rdma_engine_wait(const struct verbs_mr *mr, bool writes)
{
	char path[128], text[32], wanted[32];
	int ret, idle = 0;

	debug_path(path, sizeof(path), "engine");
	snprintf(wanted, sizeof(wanted), "%s 0x%08x",
		 writes ? "writes" : "reads", mr->lkey);
	while (idle < IDLE_LOOKS) {
		ret = __sysfs_read(path, text, sizeof(text));
		igt_assert_f(!ret, "cannot read %s: %s\n", path,
			     strerror(-ret));
		if (!strcmp(text, wanted))
			return true;
		idle = strcmp(text, "idle") ? 0 : idle + 1;
		usleep(1000);
	}
	return false;
}

void rdma_engine_pass(void)
{
	struct verbs_mr mr;
	struct rdma other;
	uint8_t *mem;

	mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(mem != MAP_FAILED);
	rdma_open(&other, pci_env("DMABUF_EDU"));
	rdma_reg_memory(&other, mem, PAGE, &mr);
	mem[0] = 1;
	rdma_copy(&other, IBV_WR_RDMA_WRITE, &mr, mr.iova, &mr,
		  mr.iova + 8, 1);
	igt_assert_eq(mem[8], 1);
	rdma_close(&other);
	munmap(mem, PAGE);
}

static void write_switch(const char *name, bool on)
{
	char path[128];

	debug_path(path, sizeof(path), name);
	sysfs_write(path, on ? "Y" : "N");
}

void rdma_pin(bool pin)
{
	write_switch("pin", pin);
}

void rdma_lose_page(bool lose)
{
	write_switch("lose-page", lose);
}

void rdma_poll_delay(unsigned int ms)
{
	char path[128], text[16];

	debug_path(path, sizeof(path), "poll-delay");
	snprintf(text, sizeof(text), "%u", ms);
	sysfs_write(path, text);
}

unsigned int rdma_polling(void)
{
	char path[128], text[16];
	int ret;

	debug_path(path, sizeof(path), "polling");
	ret = __sysfs_read(path, text, sizeof(text));
	igt_assert_f(!ret, "cannot read %s: %s\n", path, strerror(-ret));
	return (unsigned int)atoi(text);
}

unsigned int rdma_regions_of(const char *addr)
{
	char path[128], line[256];
	unsigned int nr = 0;
	FILE *file;

	snprintf(path, sizeof(path), RDMA_DEBUGFS "/%s/mrs", addr);
	file = fopen(path, "r");
	igt_assert_f(file, "cannot open %s: %s. Is edu_ib bound and debugfs mounted?\n",
		     path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		nr++;
	fclose(file);
	return nr;
}

unsigned int rdma_regions(void)
{
	return rdma_regions_of(pci_env("DMABUF_EDU"));
}

uint64_t rdma_entries(uint64_t length, uint64_t *page)
{
	uint64_t entries;
	int ret = __rdma_entries(pci_env("DMABUF_EDU"), length, &entries, page);

	igt_assert_f(!ret, "%s: no list of its memory regions: %s. Is edu_ib bound and debugfs mounted?\n",
		     pci_env("DMABUF_EDU"), strerror(-ret));
	return entries;
}
