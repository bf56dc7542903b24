// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: what the guest writes into its MSI-X table, and from where to where an
 * interrupt goes
 *
 *	device -> host's vector -> VFIO -> eventfd -> KVM (irqfd) -> guest's vector
 *
 * This program is not on that way. VFIO owns the device's own table and its control
 * register. The guest's are here, and say which eventfds VFIO and KVM have:
 *
 *	MSI-X enabled		VFIO has vector 0, as it needs one to begin with
 *	an entry not masked	VFIO has that vector, KVM has a route and the eventfd
 *	an entry masked		KVM has not: an interrupt waits in the eventfd
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fail.h"
#include "machine.h"

#define ENTRY_CONTROL 3

static uint32_t gsi(const struct assigned *dev, unsigned int vector)
{
	return dev->index * MAX_VECTORS + vector;
}

void msix_init(struct assigned *dev)
{
	int cap = __vfio_find_cap(&dev->vfio, PCI_CAP_ID_MSIX);
	uint32_t control = 0, table = 0;
	unsigned int i;

	if (cap < 0)
		return;
	dev->msix = (unsigned int)cap;
	if (__vfio_config_read(&dev->vfio, dev->msix + PCI_MSIX_FLAGS, 2, &control) ||
	    __vfio_config_read(&dev->vfio, dev->msix + PCI_MSIX_TABLE, 4, &table))
		fail(NULL, "%s: cannot read its MSI-X capability", dev->vfio.addr);
	dev->msix_control = control & PCI_MSIX_FLAGS_QSIZE;
	dev->nr_vectors = (control & PCI_MSIX_FLAGS_QSIZE) + 1u;
	dev->table_bar = table & PCI_MSIX_TABLE_BIR;
	dev->table = table & PCI_MSIX_TABLE_OFFSET;
	for (i = 0; i < MAX_VECTORS; i++) {
		dev->vectors[i].entry[ENTRY_CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		dev->vectors[i].eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (dev->vectors[i].eventfd < 0)
			fail(NULL, "eventfd: %s", strerror(errno));
	}
}

/* All routes at once: KVM forgets the others */
static void set_routes(struct machine *m)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[MAX_DEVICES * MAX_VECTORS];
	} routing = { 0 };
	unsigned int i, j;

	for (i = 0; i < m->nr_devices; i++)
		for (j = 0; j < MAX_VECTORS; j++) {
			struct kvm_irq_routing_entry *entry = &routing.entries[routing.head.nr];
			const struct vector *vector = &m->devices[i].vectors[j];

			if (vector->entry[ENTRY_CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT)
				continue;
			entry->gsi = gsi(&m->devices[i], j);
			entry->type = KVM_IRQ_ROUTING_MSI;
			entry->u.msi.address_lo = vector->entry[0];
			entry->u.msi.address_hi = vector->entry[1];
			entry->u.msi.data = vector->entry[2];
			routing.head.nr++;
		}
	if (ioctl(m->vm.fd, KVM_SET_GSI_ROUTING, &routing) < 0)
		fail(NULL, "KVM_SET_GSI_ROUTING: %s", strerror(errno));
}

/* Have KVM inject what the eventfd tells, or not */
static void inject(struct machine *m, struct assigned *dev, unsigned int number, bool on)
{
	struct vector *vector = &dev->vectors[number];
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)vector->eventfd,
		.gsi = gsi(dev, number),
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (vector->injected == on)
		return;
	if (ioctl(m->vm.fd, KVM_IRQFD, &irqfd) < 0)
		fail(NULL, "KVM_IRQFD: %s", strerror(errno));
	vector->injected = on;
}

/* Have VFIO signal a vector's eventfd; vector 0 switches MSI-X on, and off */
static void request(struct assigned *dev, unsigned int number, bool on)
{
	struct vector *vector = &dev->vectors[number];
	int ret;

	if (vector->requested == on)
		return;
	ret = __vfio_msix_vector(&dev->vfio, number, on ? vector->eventfd : -1);
	if (ret)
		fail(NULL, "%s: MSI-X vector %u: %s", dev->vfio.addr, number, strerror(-ret));
	vector->requested = on;
}

void msix_update(struct machine *m, struct assigned *dev)
{
	bool enabled = dev->msix_control & PCI_MSIX_FLAGS_ENABLE;
	bool masked = dev->msix_control & PCI_MSIX_FLAGS_MASKALL;
	unsigned int i;

	set_routes(m);
	if (enabled)
		request(dev, 0, true);
	for (i = 0; i < MAX_VECTORS; i++) {
		bool on = enabled && !masked && !(dev->vectors[i].entry[ENTRY_CONTROL] &
						  PCI_MSIX_ENTRY_CTRL_MASKBIT);

		if (on)
			request(dev, i, true);
		inject(m, dev, i, on);
	}
	if (enabled)
		return;
	request(dev, 0, false);
	for (i = 0; i < MAX_VECTORS; i++)
		dev->vectors[i].requested = false;
}

void msix_reset(struct machine *m, struct assigned *dev)
{
	unsigned int i;

	for (i = 0; i < MAX_VECTORS; i++)
		dev->vectors[i].entry[ENTRY_CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	dev->msix_control &= PCI_MSIX_FLAGS_QSIZE;
	msix_update(m, dev);
}

void msix_table(struct machine *m, struct assigned *dev, uint64_t offset, uint8_t *data,
		unsigned int size, bool is_write)
{
	struct vector *vector = &dev->vectors[offset / 16 % MAX_VECTORS];
	uint8_t *at = (uint8_t *)vector->entry + offset % 16;
	uint32_t was = vector->entry[ENTRY_CONTROL];

	if (offset / 16 >= MAX_VECTORS || offset % 16 + size > 16)
		return;
	if (!is_write) {
		memcpy(data, at, size);
		return;
	}
	memcpy(at, data, size);
	/* Nothing follows from what is in an entry that stays masked */
	if (!(was & vector->entry[ENTRY_CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT))
		msix_update(m, dev);
}
