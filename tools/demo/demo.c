// SPDX-License-Identifier: GPL-2.0
/*
 * demo - one PCI device writes into the memory of another, through a dma-buf
 *
 * Runs in a VM of tools/vm/run, topology host-bridge. Every step compares bytes,
 * not return codes only. Exit status 0 if every step worked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "demo.h"
#include "devices/pci.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "streams.h"
#include "topology.h"

static struct demo demo = {
	.iommufd = -1,
	.exporter.fd = -1,
	.exporter2.fd = -1,
	.edu.dev.fd = -1,
	.nvme.dev.fd = -1,
};

/* Closes everything, gives the devices back to their drivers */
static void demo_cleanup(void)
{
	edu_close(&demo.edu);
	nvme_close(&demo.nvme);
	vfio_close(&demo.exporter2);
	vfio_close(&demo.exporter);
	if (demo.iommufd >= 0)
		close(demo.iommufd);
	demo.iommufd = -1;
	pci_restore();
}

static void open_devices(void)
{
	demo.iommufd = must_iommufd_open();
	demo.ioas = must_ioas_alloc(demo.iommufd);
	must_vfio_open(&demo.exporter, must_pci_env("DMABUF_EXPORTER"), demo.iommufd);
	if (getenv("DMABUF_EXPORTER2"))
		must_vfio_open(&demo.exporter2, getenv("DMABUF_EXPORTER2"),
			  demo.iommufd);
	must_edu_open(&demo.edu, must_pci_env("DMABUF_EDU"), demo.iommufd);
	must_nvme_open(&demo.nvme, must_pci_env("DMABUF_NVME"), demo.iommufd);

	demo.bar = must_vfio_map_bar(&demo.exporter, BAR);
	demo.bar_start = bar_start(demo.exporter.addr, BAR);
	if (!vfio_has_dmabuf(&demo.exporter))
		fail(remedy_no_code(), "%s: vfio-pci of this kernel exports no dma-bufs",
		     demo.exporter.addr);
	if (demo.exporter.region[BAR].size < MiB(64))
		fail("give ivshmem a memory backend of 64 MiB or more",
		     "%s: BAR%d is only %s", demo.exporter.addr, BAR,
		     size_text(demo.exporter.region[BAR].size));
}

int main(void)
{
	streams_open();
	report_init(demo_cleanup);
	must_klog_no_other_faults();
	open_devices();
	topology_print(&demo);
	if (!has_iommu(demo.edu.dev.addr))
		fail("boot topology host-bridge, or switch the IOMMU on",
		     "%s: no IOMMU translates for it, so there is no page table to map into",
		     demo.edu.dev.addr);

	must_edu_attach(&demo.edu, demo.ioas);
	must_nvme_attach(&demo.nvme, demo.ioas);
	demo_map(&demo);
	demo_revoke(&demo);
	demo_nvme(&demo);
	demo_bars(&demo);
	demo_udmabuf(&demo);
	demo_kvm(&demo);
	demo_rdma(&demo);

	demo_cleanup();
	report_table();
	return streams_flush() ? 1 : 0;
}
