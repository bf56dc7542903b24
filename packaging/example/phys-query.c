// SPDX-License-Identifier: MIT
/*
 * phys-query - ask what is in a dma-buf, with installed headers only
 *
 *	cc -o phys-query phys-query.c
 *
 * Makes a dma-buf of 64 KiB of memory through /dev/udmabuf, and prints the physical
 * list that importers of it would get. The dma-buf of a VFIO device is asked about in
 * the same way.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf-phys.h>
#include <linux/dma-buf-phys-kvm.h>
#include <linux/dma-buf-phys-vfio.h>
#include <linux/udmabuf.h>

#define NODE	"/dev/dma_buf_phys"
#define BYTES	(64 * 1024)
#define GROUPS	8

/* What programs pass to VFIO and KVM has the layout these expect */
_Static_assert(sizeof(struct vfio_region_dma_range) == 16, "");
_Static_assert(sizeof(struct vfio_device_feature_dma_buf) == 16, "");
_Static_assert(sizeof(struct kvm_userspace_memory_region2) == 160, "");
_Static_assert(VFIO_DMA_BUF_DEVICE_OFFSETS == 1 && VFIO_DMA_BUF_NO_HOST_ACCESS == 2 &&
	       VFIO_DMA_BUF_WRITE_COMBINE == 4, "");
_Static_assert(KVM_MEM_DMABUF == 8, "");

static void fail(const char *what, const char *remedy)
{
	fprintf(stderr, "phys-query: %s: %s%s%s\n", what, strerror(errno), remedy ? ": " : "",
		remedy ? remedy : "");
	exit(1);
}

static int make_dmabuf(void)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = BYTES };
	int memfd, node, dmabuf;

	memfd = memfd_create("phys-query", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0 || ftruncate(memfd, BYTES) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		fail("memfd", NULL);
	node = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (node < 0)
		fail("/dev/udmabuf", errno == ENOENT ? "load its driver: modprobe udmabuf" :
						       "run this as root");
	create.memfd = memfd;
	dmabuf = ioctl(node, UDMABUF_CREATE, &create);
	if (dmabuf < 0)
		fail("UDMABUF_CREATE", NULL);
	close(node);
	close(memfd);
	return dmabuf;
}

static void query(int node, int dmabuf)
{
	static const char *const states[] = { "live", "revoked", "dead" };
	static const char *const types[] = { "memory", "BAR", "encrypted memory" };
	struct dma_buf_phys_group_info groups[GROUPS] = { 0 };
	struct dma_buf_phys_query q = {
		.size = sizeof(q),
		.fd = dmabuf,
		.group_size = sizeof(groups[0]),
		.groups = (uintptr_t)groups,
		.nr_groups = GROUPS,
	};

	if (ioctl(node, DMA_BUF_PHYS_IOC_QUERY, &q))
		fail("DMA_BUF_PHYS_IOC_QUERY", NULL);
	printf("%llu bytes in %llu ranges, %s\n", (unsigned long long)q.length,
	       (unsigned long long)q.nr_frags, q.state < 3 ? states[q.state] : "in a new state");
	for (uint32_t i = 0; i < q.nr_groups && i < GROUPS; i++)
		printf("  %llx +%llx %s\n", (unsigned long long)groups[i].offset,
		       (unsigned long long)groups[i].length,
		       groups[i].type < 3 ? types[groups[i].type] : "memory of a new type");
}

/* Whether VMs may have dma-bufs as memory: their slots take KVM_MEM_DMABUF then */
static void capability(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		return;
	printf("KVM %s memslots of dma-bufs\n",
	       ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_DMABUF) > 0 ? "has" : "has no");
	close(kvm);
}

int main(void)
{
	int node = open(NODE, O_RDWR | O_CLOEXEC);
	int dmabuf;

	if (node < 0)
		fail(NODE, errno == ENOENT || errno == ENODEV || errno == ENXIO ?
			   "install dmabuf-phys-dkms, and load its module: modprobe dma-buf-phys" :
			   NULL);
	dmabuf = make_dmabuf();
	query(node, dmabuf);
	capability();
	close(dmabuf);
	close(node);
	return 0;
}
