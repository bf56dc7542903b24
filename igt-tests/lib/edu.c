// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include "edu.h"
#include "igt_core.h"
#include "machine.h"
#include "module.h"
#include "pci.h"

void edu_open(struct edu *edu, int iommufd)
{
	const char *addr = pci_env("DMABUF_EDU");
	int ret;

	module_require("vfio-pci");
	ret = __edu_open(edu, addr, iommufd);
	require_there(ret, "%s: no edu to be had through VFIO: %s. Needs an IOMMU, root, and 'modprobe vfio-pci'\n",
		      addr, strerror(-ret));
	igt_assert_f(!ret,
		     "%s: cannot open edu through VFIO: %s. Is vfio-pci loaded ('modprobe vfio-pci') and nobody else using the device?\n",
		     addr, strerror(-ret));
}

static void expect(const struct edu *edu, int ret, const char *what)
{
	igt_assert_f(!ret, "%s: cannot %s: %s\n", edu->dev.addr, what,
		     strerror(-ret));
}

void edu_start(struct edu *edu)
{
	expect(edu, __edu_start(edu), "start edu");
}

void edu_map_bounce(struct edu *edu, uint32_t ioas)
{
	expect(edu, __edu_map_bounce(edu, ioas), "map its bounce page");
}

void edu_attach(struct edu *edu, uint32_t ioas)
{
	expect(edu, __edu_attach(edu, ioas), "attach it to an address space");
}

static void expect_dma(const struct edu *edu, int ret, const char *what,
		       uint64_t iova, size_t len)
{
	igt_assert_f(!ret,
		     "%s: %s of %zu bytes at IOVA 0x%" PRIx64 ": %s\n",
		     edu->dev.addr, what, len, iova, strerror(-ret));
}

void edu_load(struct edu *edu, const void *data, size_t len)
{
	expect_dma(edu, __edu_load(edu, data, len), "load", EDU_BOUNCE_IOVA, len);
}

void edu_store(struct edu *edu, uint64_t iova, size_t len)
{
	expect_dma(edu, __edu_store(edu, iova, len), "store", iova, len);
}

void edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len)
{
	expect_dma(edu, __edu_write(edu, iova, data, len), "write", iova, len);
}

void edu_read(struct edu *edu, uint64_t iova, void *data, size_t len)
{
	expect_dma(edu, __edu_read(edu, iova, data, len), "read", iova, len);
}
