// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include "igt_core.h"
#include "machine.h"
#include "module.h"
#include "nvme.h"
#include "pci.h"

void nvme_open(struct nvme *nvme, int iommufd)
{
	const char *addr = pci_env("DMABUF_NVME");
	int ret;

	module_require("vfio-pci");
	ret = __nvme_open(nvme, addr, iommufd);
	require_there(ret, "%s: no NVMe controller to be had through VFIO: %s %s\n",
		      addr, strerror(-ret), nvme->why);
	igt_assert_f(!ret,
		     "%s: cannot open it through VFIO: %s %s. Is vfio-pci loaded ('modprobe vfio-pci') and nobody else using the device?\n",
		     addr, strerror(-ret), nvme->why);
}

void nvme_attach(struct nvme *nvme, uint32_t ioas)
{
	int ret = __nvme_attach(nvme, ioas);

	igt_assert_f(!ret,
		     "%s: controller does not start: %s, CSTS 0x%x. Its queues must be mapped and bus master on %s\n",
		     nvme->dev.addr, strerror(-ret), nvme_status(nvme),
		     nvme->why);
}

void nvme_map_queues(struct nvme *nvme, uint32_t ioas)
{
	int ret = __nvme_map_queues(nvme, ioas);

	igt_assert_f(!ret, "%s: cannot map its queues: %s\n", nvme->dev.addr,
		     strerror(-ret));
}

static void expect(struct nvme *nvme, int ret, const char *what, uint64_t iova,
		   uint64_t len)
{
	igt_assert_f(!ret,
		     "%s: %s IOVA 0x%" PRIx64 ", 0x%" PRIx64
		     " bytes: %s 0x%x. 0x004 is a fault in the IOMMU\n",
		     nvme->dev.addr, what, iova, len,
		     ret < 0 ? strerror(-ret) : "status", ret);
}

void nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len)
{
	expect(nvme, __nvme_read(nvme, disk, iova, len), "read to", iova, len);
}

void nvme_write(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len)
{
	expect(nvme, __nvme_write(nvme, disk, iova, len), "write from", iova, len);
}
