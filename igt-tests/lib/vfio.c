// SPDX-License-Identifier: MIT
#include "igt_core.h"
#include "klog.h"
#include "machine.h"
#include "module.h"
#include "vfio.h"

void vfio_enable(struct vfio_device *dev)
{
	int ret = __vfio_enable(dev);

	igt_assert_f(!ret, "%s: cannot switch memory and bus master on: %s\n",
		     dev->addr, strerror(-ret));
}

void vfio_open(struct vfio_device *dev, const char *addr, int iommufd)
{
	int ret;

	klog_tell_runner();
	module_require("vfio-pci");
	ret = __vfio_open(dev, addr, iommufd);
	require_there(ret, "%s: not to be had through VFIO: %s. Needs an IOMMU, root, and 'modprobe vfio-pci'\n",
		      addr, strerror(-ret));
	igt_assert_f(!ret,
		     "%s: cannot open it through VFIO: %s. Is vfio-pci loaded ('modprobe vfio-pci') and nobody else using the device?\n",
		     addr, strerror(-ret));
	vfio_enable(dev);
}

void vfio_attach(struct vfio_device *dev, uint32_t pt_id)
{
	int ret = __vfio_attach(dev, pt_id);

	igt_assert_f(!ret, "%s: cannot attach it to address space %u: %s\n",
		     dev->addr, pt_id, strerror(-ret));
}

void vfio_detach(struct vfio_device *dev)
{
	int ret = __vfio_detach(dev);

	igt_assert_f(!ret, "%s: cannot detach it: %s\n", dev->addr,
		     strerror(-ret));
}

void *vfio_map_bar(struct vfio_device *dev, unsigned int bar)
{
	int ret = __vfio_map_bar(dev, bar);

	igt_assert_f(!ret, "%s: cannot map BAR%u: %s\n", dev->addr, bar,
		     strerror(-ret));
	return dev->map[bar];
}

void vfio_memory_enable(struct vfio_device *dev, bool on)
{
	int ret;

	klog_tell_runner();
	ret = __vfio_memory_enable(dev, on);

	igt_assert_f(!ret, "%s: cannot switch its memory %s: %s\n", dev->addr,
		     on ? "on" : "off", strerror(-ret));
	if (on)
		wait_restored();
}

void wait_restored(void)
{
	char behind[256];

	igt_assert_f(!__wait_restored(behind, sizeof(behind)),
		     "a restore does not come to its end: %s", behind);
}
