// SPDX-License-Identifier: GPL-2.0
/*
 * What tools/vm/run says of the machine that it has started
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "machine.h"
#include "must.h"

const char *machine_variant(void)
{
	const char *kernel = getenv("DMABUF_KERNEL");

	if (!kernel)
		fail(NULL, "$DMABUF_KERNEL is not set");
	return !strcmp(kernel, "upstream") || !strcmp(kernel, "stock") ?
		       kernel : "phys-list";
}

const char *machine_route(void)
{
	const char *route = getenv("DMABUF_TOPOLOGY");

	if (!route)
		fail(NULL, "$DMABUF_TOPOLOGY is not set");
	return route;
}

struct dma_buf_bench_device machine_device(const char *variable)
{
	struct dma_buf_bench_device device = {};
	unsigned int domain, bus, slot, function;
	const char *addr = must_pci_env(variable);

	if (sscanf(addr, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		fail(NULL, "'%s' is not a PCI address", addr);
	device.domain = domain;
	device.bus = (__u8)bus;
	device.slot = (__u8)slot;
	device.function = (__u8)function;
	return device;
}

uint32_t machine_ioas(int iommufd, struct vfio_device *dev)
{
	uint32_t ioas = must_ioas_alloc(iommufd);
	int ret;

	must_vfio_open(dev, must_pci_env("DMABUF_EDU2"), iommufd);
	ret = __vfio_attach(dev, ioas);
	if (ret)
		fail(NULL, "%s: cannot attach it to an address space: %s",
		     dev->addr, strerror(-ret));
	return ioas;
}
