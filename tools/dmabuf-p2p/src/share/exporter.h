/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EXPORTER_H
#define EXPORTER_H

#include <linux/dma-buf.h>
#include <stdbool.h>
#include <stdint.h>

#include "devices/vfio.h"

/**
 * struct export_request - what to export and how
 * @device: as the user named it
 * @ranges: in the words of bar_ranges_parse()
 * @bind: take it away from another driver
 * @no_host_access: with %VFIO_DMA_BUF_NO_HOST_ACCESS
 */
struct export_request {
	const char *device;
	const char *ranges;
	bool bind;
	bool no_host_access;
};

/**
 * struct exported - a dma-buf of a device's BARs
 * @fd: the dma-buf; the caller's, to be closed
 * @size: bytes
 * @vfio: the device, memory on; a copy whose fd is closed by export_done()
 * @name: "01:00.0/bar2:0-16M", cut to what a dma-buf's name may have
 */
struct exported {
	int fd;
	uint64_t size;
	struct vfio_device vfio;
	char name[DMA_BUF_NAME_LEN];
};

/**
 * export_iommufd - the one that devices are bound to
 * @fd: receives a copy, to be closed; -1 on error
 *
 * Devices of one IOMMU group can only be opened with the same.
 *
 * Return: enum exit_code; anything but EXIT_OK has been complained about.
 */
int export_iommufd(int *fd);

/** export_refused - complain that VFIO does not open a device; @err: errno */
void export_refused(const char *addr, int err);

/**
 * export_bars - export ranges of a device's BARs
 * @exported: filled in
 * @request: what
 *
 * Binds the device to vfio-pci if need be, until the program ends. A device is
 * opened once, however many dma-bufs are made of it.
 *
 * Return: enum exit_code; anything but EXIT_OK has been complained about.
 */
int export_bars(struct exported *exported, const struct export_request *request);

/**
 * export_done - close an exported dma-buf, and its device if that was the last
 * @vfio: its device
 * @fd: the dma-buf
 */
void export_done(const struct vfio_device *vfio, int fd);

#endif /* EXPORTER_H */
