// SPDX-License-Identifier: GPL-2.0
/*
 * A device of the host that the guest has
 *
 * Each memory BAR becomes a dma-buf, of all its pages but those of the MSI-X table:
 * the guest writes host's vectors and addresses there, which are none of its business.
 * The dma-buf goes to two importers, at the address where the guest has the BAR: to
 * KVM, for the CPU, and to iommufd, for the guest's other devices. This program
 * maps nothing of it.
 *
 *	BAR       0          table      table + 4K       size
 *	          |  piece 0   |  emulated  |  piece 1     |
 *	dma-buf   |  piece 0   |  piece 1     |
 *
 * Who takes memory away decides what the guest sees:
 *
 *  - The guest itself, by its command register. On a real machine nobody answers then:
 *    what it reads is all ones. So both importers let go. Accesses become MMIO exits.
 *  - The host: a reset, or a register that it writes. The dma-buf is revoked, and the
 *    guest knows nothing of it. Its access waits until there is a restore.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-buf-phys.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devices/iommufd.h"
#include "fail.h"
#include "machine.h"

/* An access that found memory revoked is tried again at least that often, ms */
#define RETRY_MS 20

static void add_piece(struct bar *bar, struct assigned *dev, unsigned int number,
		      uint64_t from, uint64_t to)
{
	struct piece *piece = &bar->pieces[bar->nr_pieces];

	if (from >= to)
		return;
	piece->offset = from;
	piece->size = to - from;
	if (bar->nr_pieces)
		piece->in_dmabuf = bar->pieces[0].size;
	/* Slot 0 is RAM */
	piece->slot = 1 + (dev->index * 6 + number) * MAX_PIECES + bar->nr_pieces;
	bar->nr_pieces++;
}

static int watch(int dmabuf)
{
	struct dma_buf_phys_watch watch = {
		.size = sizeof(watch),
		.flags = O_CLOEXEC | O_NONBLOCK,
		.fd = dmabuf,
	};
	int dev = open("/dev/dma_buf_phys", O_RDWR | O_CLOEXEC), fd;

	fd = dev < 0 ? -1 : ioctl(dev, DMA_BUF_PHYS_IOC_WATCH, &watch);
	if (fd < 0)
		fail("modprobe dma-buf-phys", "/dev/dma_buf_phys: %s", strerror(errno));
	close(dev);
	return fd;
}

static void export_bar(struct machine *m, struct assigned *dev, unsigned int number)
{
	struct vfio_region_dma_range ranges[MAX_PIECES];
	struct bar *bar = &dev->bars[number];
	struct vfio_device_feature_dma_buf head = {
		.region_index = number,
		.open_flags = O_RDWR | O_CLOEXEC,
		/* Private memory: the host has promised not to look */
		.flags = m->protected ? VFIO_DMA_BUF_NO_HOST_ACCESS : 0,
		.nr_ranges = bar->nr_pieces,
	};
	unsigned int i;

	for (i = 0; i < bar->nr_pieces; i++) {
		ranges[i].offset = bar->pieces[i].offset;
		ranges[i].length = bar->pieces[i].size;
	}
	bar->dmabuf = __vfio_dmabuf_raw(&dev->vfio, &head, ranges, bar->nr_pieces);
	if (bar->dmabuf < 0)
		fail("see Documentation/driver-api/dma-buf-phys-user.rst",
		     "%s: export of BAR%u: %s", dev->vfio.addr, number, strerror(-bar->dmabuf));
	bar->watch = watch(bar->dmabuf);
}

static void add_bar(struct machine *m, struct assigned *dev, unsigned int number)
{
	uint64_t table = dev->table & ~0xfffull, table_end;
	struct bar *bar = &dev->bars[number];
	uint32_t value = 0;

	bar->dmabuf = -1;
	bar->watch = -1;
	/* The upper half of a 64-bit BAR is a region without a size */
	if (!dev->vfio.region[number].size)
		return;
	if (__vfio_config_read(&dev->vfio, PCI_BASE_ADDRESS_0 + 4 * number, 4, &value) ||
	    value & PCI_BASE_ADDRESS_SPACE_IO)
		return;
	bar->size = dev->vfio.region[number].size;
	bar->is_64 = (value & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	table_end = (dev->table + 16ull * dev->nr_vectors + 0xfff) & ~0xfffull;
	if (!dev->nr_vectors || dev->table_bar != number)
		table = table_end = bar->size;
	add_piece(bar, dev, number, 0, table);
	add_piece(bar, dev, number, table_end, bar->size);
	if (bar->nr_pieces)
		export_bar(m, dev, number);
}

void assigned_add(struct machine *m, const char *addr)
{
	struct assigned *dev = &m->devices[m->nr_devices];
	unsigned int i;
	int ret;

	if (m->nr_devices == MAX_DEVICES)
		fail(NULL, "there are more than %d devices", MAX_DEVICES);
	dev->index = m->nr_devices++;
	ret = __vfio_open(&dev->vfio, addr, m->iommufd);
	/* Nothing of an earlier user stays switched on; the guest does that itself */
	if (!ret)
		ret = __vfio_config_write(&dev->vfio, PCI_COMMAND, 2, 0);
	if (!ret)
		ret = __vfio_attach(&dev->vfio, m->ioas);
	if (ret)
		fail("modprobe vfio-pci, and end what uses the device", "%s: %s", addr,
		     strerror(-ret));
	msix_init(dev);
	for (i = 0; i < 6; i++)
		add_bar(m, dev, i);
}

static int map_piece(struct machine *m, const struct bar *bar, const struct piece *piece)
{
	uint64_t gpa = bar->gpa + piece->offset;
	int ret;

	ret = __vmm_dmabuf(&m->vm, piece->slot, gpa, bar->dmabuf, piece->in_dmabuf,
			   piece->size);
	if (!ret && m->protected)
		ret = __vmm_convert(&m->vm, gpa, piece->size, true);
	if (!ret)
		ret = __ioas_map_file(m->iommufd, m->ioas, bar->dmabuf, piece->in_dmabuf,
				      piece->size, gpa);
	return ret;
}

static void unmap_piece(struct machine *m, const struct bar *bar, const struct piece *piece)
{
	uint64_t gpa = bar->gpa + piece->offset;

	__ioas_unmap(m->iommufd, m->ioas, gpa, piece->size);
	__vmm_delete(&m->vm, piece->slot);
	/*
	 * Private memory without a slot is a memory fault for KVM, one that no restore
	 * ends. Only shared memory without a slot is MMIO.
	 */
	if (m->protected)
		__vmm_convert(&m->vm, gpa, piece->size, false);
}

/* Where the guest wants a BAR, 0 for nowhere */
static uint64_t wanted(struct assigned *dev, unsigned int number)
{
	struct bar *bar = &dev->bars[number];
	uint32_t low = 0, high = 0;
	uint64_t gpa;

	if (!dev->memory || !bar->size)
		return 0;
	__vfio_config_read(&dev->vfio, PCI_BASE_ADDRESS_0 + 4 * number, 4, &low);
	if (bar->is_64)
		__vfio_config_read(&dev->vfio, PCI_BASE_ADDRESS_0 + 4 * (number + 1), 4, &high);
	gpa = (uint64_t)high << 32 | (low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK);
	/* While it asks for the size it may be anywhere, over RAM as well */
	return gpa >= PCI_WINDOW && gpa + bar->size <= PCI_WINDOW_END ? gpa : 0;
}

void assigned_map(struct machine *m, struct assigned *dev)
{
	unsigned int number, i;
	uint64_t gpa;
	int ret;

	for (number = 0; number < 6; number++) {
		struct bar *bar = &dev->bars[number];

		gpa = wanted(dev, number);
		if (gpa == bar->gpa)
			continue;
		for (i = 0; bar->gpa && i < bar->nr_pieces; i++)
			unmap_piece(m, bar, &bar->pieces[i]);
		bar->gpa = gpa;
		for (i = 0; gpa && i < bar->nr_pieces; i++) {
			ret = map_piece(m, bar, &bar->pieces[i]);
			if (ret)
				fail(NULL, "%s: BAR%u at 0x%" PRIx64 ": %s", dev->vfio.addr,
				     number, gpa, strerror(-ret));
		}
	}
}

static void unmap_all(struct machine *m, struct assigned *dev)
{
	dev->memory = false;
	assigned_map(m, dev);
	msix_reset(m, dev);
}

/* The dma-bufs stay: a reset takes their memory away, and gives it back */
void assigned_reset(struct machine *m, struct assigned *dev)
{
	int ret;

	unmap_all(m, dev);
	ret = __vfio_reset(&dev->vfio);
	if (!ret)
		ret = __vfio_config_write(&dev->vfio, PCI_COMMAND, 2, 0);
	if (ret)
		fail(NULL, "%s: reset: %s", dev->vfio.addr, strerror(-ret));
}

void assigned_remove(struct machine *m, struct assigned *dev)
{
	unsigned int i;

	unmap_all(m, dev);
	for (i = 0; i < 6; i++)
		if (dev->bars[i].nr_pieces) {
			close(dev->bars[i].watch);
			close(dev->bars[i].dmabuf);
		}
	vfio_close(&dev->vfio);
}

struct assigned *assigned_at(struct machine *m, uint64_t gpa, unsigned int *number)
{
	unsigned int i;

	for (i = 0; i < m->nr_devices; i++)
		for (*number = 0; *number < 6; (*number)++) {
			struct bar *bar = &m->devices[i].bars[*number];

			if (bar->gpa && gpa >= bar->gpa && gpa - bar->gpa < bar->size)
				return &m->devices[i];
		}
	return NULL;
}

void assigned_wait(struct machine *m, uint64_t gpa)
{
	struct dma_buf_phys_watch_event event;
	struct pollfd poll_on = { .fd = -1, .events = POLLIN };
	struct assigned *dev;
	unsigned int number;

	pthread_mutex_lock(&m->lock);
	dev = assigned_at(m, gpa, &number);
	if (dev)
		poll_on.fd = dev->bars[number].watch;
	pthread_mutex_unlock(&m->lock);
	if (!dev)
		fail(NULL, "memory fault at 0x%" PRIx64 ", where no BAR is", gpa);
	/* Whatever has happened: the next KVM_RUN finds out whether it was enough */
	if (poll(&poll_on, 1, RETRY_MS) > 0 && poll_on.revents & POLLIN &&
	    read(poll_on.fd, &event, sizeof(event)) < 0 && errno != EAGAIN)
		fail(NULL, "%s: watching BAR%u: %s", dev->vfio.addr, number, strerror(errno));
	if (poll_on.revents & POLLHUP)
		fail(NULL, "%s: the device is gone", dev->vfio.addr);
}

void assigned_mmio(struct machine *m, struct assigned *dev, unsigned int number,
		   uint64_t offset, uint8_t *data, unsigned int size, bool is_write)
{
	uint64_t at = dev->vfio.region[number].offset + offset;
	ssize_t done;

	if (dev->nr_vectors && number == dev->table_bar && offset >= dev->table &&
	    offset - dev->table < 16ull * dev->nr_vectors) {
		msix_table(m, dev, offset - dev->table, data, size, is_write);
		return;
	}
	/* What shares a page with the table is the device's */
	if (is_write)
		done = pwrite(dev->vfio.fd, data, size, (off_t)at);
	else
		done = pread(dev->vfio.fd, data, size, (off_t)at);
	if (done != (ssize_t)size)
		fprintf(stderr, "vmm: %s: access to BAR%u at 0x%" PRIx64 ": %s\n",
			dev->vfio.addr, number, offset, strerror(errno));
}
