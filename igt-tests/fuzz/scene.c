// SPDX-License-Identifier: MIT
/*
 * The devices of a sequence, and what it must leave behind
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "calls.h"
#include "devices/memory.h"
#include "devices/module.h"
#include "devices/pci.h"
#include "devices/rdma.h"
#include "devices/sysfs.h"
#include "file.h"
#include "map.h"

#define MOVABLE "/dev/dma-buf-movable"

static int dmabufs;

static void begin(const char *what, long (*fn)(void))
{
	long ret = fn();

	if (!ret)
		return;
	fprintf(stderr, "fuzz: %s: %s\n", what,
		ret == -FUZZ_WRONG ? fuzz_why : strerror((int)-ret));
	/* Not by a program's exit handlers, of which this may be a child */
	_exit(1);
}

/* For programs that sequences are printed as: the test has done so */
static long bind_devices(void)
{
	struct verbs_device device;
	long ret;

	if (!access(MOVABLE, F_OK))
		return 0;
	ret = __module_load("udmabuf", NULL) ?: __module_load("vfio-pci", NULL);
	ret = ret ?: __module_load("dma-buf-movable", NULL);
	ret = ret ?: __pci_bind(getenv("DMABUF_EXPORTER"), "dma-buf-movable");
	return ret ?: __rdma_bind(getenv("DMABUF_EDU"), &device);
}

void fuzz_begin(void)
{
	begin("drivers", bind_devices);
	begin("/dev/dma_buf_phys", fuzz_query_begin);
	begin("scratch memory", fuzz_map_begin);
	begin("/dev/udmabuf or the heap", fuzz_memory_begin);
	begin("/dev/dma-buf-movable", fuzz_movable_begin);
	begin("the exporter", fuzz_vfio_begin);
	fuzz_iommufd_begin();
	begin("the disk's controller", fuzz_dma_begin);
	begin("KVM", fuzz_kvm_begin);
	begin("the RDMA device", fuzz_rdma_begin);
	begin("the device in a container", fuzz_type1_begin);
	dmabufs = __dmabuf_count();
}

/* Files, and those who hold what files are of, go a moment later */
static long expect_count(void)
{
	uint64_t deadline = now_ms() + fuzz_patience_ms;
	int count;

	while ((count = __dmabuf_count()) != dmabufs) {
		if (now_ms() > deadline)
			return fuzz_wrong("%d dma-bufs are there in the end instead of %d",
					  count, dmabufs);
		usleep(1000);
	}
	return 0;
}

/* What is in the slots of some kinds, the last kind first */
static long release(enum fuzz_kind first, enum fuzz_kind last)
{
	unsigned int slot;
	long ret = 0;
	int kind;

	for (kind = last; kind >= (int)first; kind--)
		for (slot = 0; slot < FUZZ_SLOTS; slot++)
			if (fuzz_res((enum fuzz_kind)kind, slot) != UINT64_MAX &&
			    fuzz_take((enum fuzz_kind)kind, slot) == -FUZZ_WRONG)
				ret = -FUZZ_WRONG;
	return ret;
}

static long check_bytes(void)
{
	unsigned int slot;
	long ret = 0;

	for (slot = 0; slot < FUZZ_SLOTS && !ret; slot++)
		if (fuzz_res(FUZZ_DMABUF, slot) != UINT64_MAX)
			ret = fuzz_map_check((int)fuzz_res(FUZZ_DMABUF, slot));
	return ret;
}

/* Whoever used them is gone */
static long expect_idle(void)
{
	unsigned int slot;
	long ret = 0;

	/* Copies of other files, a guest's among them */
	for (slot = 0; slot < FUZZ_SLOTS; slot++)
		if (fuzz_res(FUZZ_DMABUF, slot) != UINT64_MAX &&
		    !fuzz_file_is_dmabuf((int)fuzz_res(FUZZ_DMABUF, slot)))
			fuzz_take(FUZZ_DMABUF, slot);
	for (slot = 0; slot < FUZZ_SLOTS && !ret; slot++)
		ret = fuzz_query_idle((int)fuzz_res(FUZZ_DMABUF, slot));
	return ret;
}

/* What was wrong first is what the rest may come from */
static long first_of(long before, long now)
{
	static char why[sizeof(fuzz_why)];

	if (before)
		memcpy(fuzz_why, why, sizeof(why));
	else if (now)
		memcpy(why, fuzz_why, sizeof(why));
	return before ?: now;
}

long fuzz_reset(void)
{
	static const uint64_t all[] = { 0, 0, VFIO_DMA_UNMAP_FLAG_ALL };
	long ret;

	ret = first_of(0, release(FUZZ_THREAD, FUZZ_THREAD));
	fuzz_vfio_detach();
	call_type1_unmap(all);
	ret = first_of(ret, release(FUZZ_IOAS, FUZZ_MR));
	fuzz_iommufd_reset();
	ret = ret ?: first_of(0, expect_idle());
	ret = ret ?: first_of(0, check_bytes());
	ret = first_of(ret, release(FUZZ_DMABUF, FUZZ_MOVABLE));
	/* A copy of the exporter's may have kept it in an address space */
	fuzz_iommufd_reset();
	ret = first_of(ret, fuzz_vfio_reset());
	fuzz_file_reset();
	fuzz_bytes_forget();
	ret = ret ?: first_of(0, expect_count());
	/* Its memory may be mapped again now, whatever it was exported for */
	return first_of(ret, fuzz_vfio_check());
}

int fuzz_end(void)
{
	long ret = fuzz_reset();

	fuzz_type1_end();
	fuzz_rdma_end();
	fuzz_dma_end();
	fuzz_vfio_end();
	close((int)fuzz_res(FUZZ_UDMABUF, 0));
	close((int)fuzz_res(FUZZ_HEAP, 0));
	close((int)fuzz_res(FUZZ_PHYS, 0));
	if (ret)
		fprintf(stderr, "fuzz: in the end: %s\n", fuzz_why);
	return ret || fuzz_disappointed();
}
