// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's edu device: a DMA engine with a buffer of 4 KiB, in every version of QEMU and
 * specified in its docs/specs/edu. Where IOVAs beyond 256 MiB are used it needs
 * "-device edu,dma_mask=0xffffffffffffffff".
 *
 * The engine copies between memory and its buffer, so that a memcpy takes two transfers,
 * each of which the device delays by 100 ms.
 */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include <linux/bits.h>
#include <linux/io.h>
#include <linux/pci_regs.h>
#include <linux/sizes.h>

#include <libvfio.h>

#define PCI_VENDOR_ID_QEMU 0x1234
#define PCI_DEVICE_ID_QEMU_EDU 0x11e8

#define EDU_IRQ_RAISE 0x60
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_RUN BIT(0)
#define EDU_DMA_TO_MEMORY BIT(1)

/* Address of the buffer in the device */
#define EDU_BUFFER 0x40000

/* QEMU aborts if a transfer ends with the last byte of the buffer */
#define EDU_MAX_MEMCPY_SIZE SZ_2K
#define EDU_MAX_MEMCPY_COUNT 8

#define EDU_POLL_US 2000
#define EDU_TIMEOUT_US (20 * 1000 * 1000)

/* The memcpy under way, of which memcpy_wait() does what memcpy_start() has not */
struct edu_state {
	iova_t src;
	iova_t dst;
	u64 size;
	u64 count;
};

static struct edu_state *to_edu_state(struct vfio_pci_device *device)
{
	return device->driver.region.vaddr;
}

static void *edu_bar(struct vfio_pci_device *device)
{
	return device->bars[0].vaddr;
}

static int edu_probe(struct vfio_pci_device *device)
{
	if (!vfio_pci_device_match(device, PCI_VENDOR_ID_QEMU, PCI_DEVICE_ID_QEMU_EDU))
		return -EINVAL;

	return 0;
}

static void edu_init(struct vfio_pci_device *device)
{
	struct vfio_pci_driver *driver = &device->driver;

	VFIO_ASSERT_GE(driver->region.size, sizeof(struct edu_state));

	vfio_pci_cmd_set(device, PCI_COMMAND_MASTER);
	vfio_pci_msi_enable(device, 0, 1);

	driver->max_memcpy_size = EDU_MAX_MEMCPY_SIZE;
	driver->max_memcpy_count = EDU_MAX_MEMCPY_COUNT;
	driver->msi = 0;
}

static void edu_remove(struct vfio_pci_device *device)
{
	vfio_pci_msi_disable(device);
	vfio_pci_cmd_clear(device, PCI_COMMAND_MASTER);
}

static void edu_dma_start(struct vfio_pci_device *device, u64 src, u64 dst, u64 size,
			  u64 direction)
{
	void *bar = edu_bar(device);

	/* Each of them is written as a whole, or QEMU clears its upper half */
	writeq(src, bar + EDU_DMA_SRC);
	writeq(dst, bar + EDU_DMA_DST);
	writeq(size, bar + EDU_DMA_COUNT);
	writeq(EDU_DMA_RUN | direction, bar + EDU_DMA_COMMAND);
}

static int edu_dma_wait(struct vfio_pci_device *device)
{
	void *bar = edu_bar(device);
	int us;

	for (us = 0; us < EDU_TIMEOUT_US; us += EDU_POLL_US) {
		if (!(readq(bar + EDU_DMA_COMMAND) & EDU_DMA_RUN))
			return 0;
		usleep(EDU_POLL_US);
	}

	return -ETIMEDOUT;
}

static void edu_load(struct vfio_pci_device *device)
{
	struct edu_state *state = to_edu_state(device);

	edu_dma_start(device, state->src, EDU_BUFFER, state->size, 0);
}

static void edu_store(struct vfio_pci_device *device)
{
	struct edu_state *state = to_edu_state(device);

	edu_dma_start(device, EDU_BUFFER, state->dst, state->size, EDU_DMA_TO_MEMORY);
}

static void edu_memcpy_start(struct vfio_pci_device *device, iova_t src, iova_t dst,
			     u64 size, u64 count)
{
	*to_edu_state(device) = (struct edu_state) {
		.src = src,
		.dst = dst,
		.size = size,
		.count = count,
	};

	edu_load(device);
}

/* The device does not notice if an IOVA is not mapped */
static int edu_memcpy_wait(struct vfio_pci_device *device)
{
	struct edu_state *state = to_edu_state(device);
	int ret;

	for (;;) {
		ret = edu_dma_wait(device);
		if (ret)
			return ret;

		edu_store(device);
		ret = edu_dma_wait(device);
		if (ret)
			return ret;

		if (!--state->count)
			return 0;
		edu_load(device);
	}
}

static void edu_send_msi(struct vfio_pci_device *device)
{
	void *bar = edu_bar(device);

	writel(1, bar + EDU_IRQ_RAISE);
	writel(1, bar + EDU_IRQ_ACK);
}

const struct vfio_pci_driver_ops edu_ops = {
	.name = "edu",
	.probe = edu_probe,
	.init = edu_init,
	.remove = edu_remove,
	.memcpy_start = edu_memcpy_start,
	.memcpy_wait = edu_memcpy_wait,
	.send_msi = edu_send_msi,
};
