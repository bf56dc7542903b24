/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PCI_MODEL_H
#define PCI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci_link.h"

#define PCI_BARS 6

/* PCI_ACS_CTRL bits that send requests up to the root, by the kernel's rule */
#define ACS_REDIRECT 0x2c

enum bar_kind {
	BAR_NONE,
	BAR_IO,
	BAR_MEM32,
	BAR_MEM64,
};

struct pci_bar {
	enum bar_kind kind;
	bool prefetchable;
	uint64_t size;
};

/**
 * enum acs_state - what is known of a function's Access Control Services
 * @ACS_NONE: it has none
 * @ACS_UNKNOWN: its config space cannot be read that far without privilege
 * @ACS_READ: capability and control have been read
 */
enum acs_state {
	ACS_NONE,
	ACS_UNKNOWN,
	ACS_READ,
};

/**
 * enum pci_port - what a PCI bridge is
 * @PORT_NONE: no bridge to another bus
 * @PORT_ROOT: root port
 * @PORT_UPSTREAM: of a switch, towards the root
 * @PORT_DOWNSTREAM: of a switch, towards the devices
 * @PORT_BRIDGE: any other
 */
enum pci_port {
	PORT_NONE,
	PORT_ROOT,
	PORT_UPSTREAM,
	PORT_DOWNSTREAM,
	PORT_BRIDGE,
};

/**
 * struct pci_device - one PCI function
 * @addr: such as "0000:01:00.0"
 * @devfn: device and function number in one, (device << 3) | function
 * @class: base class and subclass, such as 0x0108
 * @name: from the list of PCI IDs; if that does not know it, class and IDs
 * @class_name: from the list of PCI IDs
 * @names: that the kernel has for what it does, "mlx5_0 eth0", or NULL
 * @driver: bound to it, or empty
 * @iommu: name of the IOMMU it is behind, or empty
 * @group: IOMMU group, or -1
 * @node: NUMA node, or -1
 * @link: towards the root; of a virtual function, that of its physical function
 * @acs_cap: ACS capability register, with %ACS_READ
 * @acs_ctrl: ACS control register, with %ACS_READ
 * @up: bridge it is below; NULL on a root bus. Of a virtual function, that of
 *	its physical function, as the kernel sees it
 * @physfn: physical function of a virtual one, otherwise NULL
 * @nr_vfs: virtual functions that are enabled
 * @host: the host bridge all is below
 */
struct pci_device {
	char addr[16];
	unsigned int domain;
	uint8_t bus;
	uint8_t devfn;
	uint16_t vendor;
	uint16_t device;
	uint16_t class;
	char name[96];
	char class_name[64];
	char *names;
	char driver[32];
	char iommu[32];
	int group;
	int node;
	struct pci_link link;
	struct pci_bar bars[PCI_BARS];
	enum pci_port port;
	enum acs_state acs;
	uint16_t acs_cap;
	uint16_t acs_ctrl;
	const struct pci_device *up;
	const struct pci_device *physfn;
	unsigned int nr_vfs;
	const struct host_bridge *host;
};

/**
 * struct host_bridge - the root of a tree of PCI devices
 * @name: such as "pci0000:00"
 * @first: function by which the kernel tells what it is: the first one of the
 *	root bus if that is 00.0 or a root port; otherwise NULL
 */
struct host_bridge {
	char name[24];
	const struct pci_device *first;
};

/**
 * struct pci_model - all PCI devices of a machine
 * @root: folder that stands for /, "" for this machine
 * @devices: in the order of their addresses
 * @cpu: the CPU's name
 * @cpu_vendor: such as "AuthenticAMD", empty if unknown
 * @cpu_family: 0 if unknown
 */
struct pci_model {
	const char *root;
	struct pci_device *devices;
	size_t nr_devices;
	struct host_bridge *hosts;
	size_t nr_hosts;
	char cpu[80];
	char cpu_vendor[16];
	unsigned int cpu_family;
};

/**
 * pci_model_read - learn all about a machine's PCI devices
 * @model: filled in
 * @root: folder with a copy of its /sys and /proc, or ""; kept
 *
 * Return: enum exit_code; what is wrong has been complained about.
 */
int pci_model_read(struct pci_model *model, const char *root);

/**
 * pci_model_read_cpu - learn what the processor is, and of no device
 * @model: filled in; zero before
 * @root: as for pci_model_read()
 */
void pci_model_read_cpu(struct pci_model *model, const char *root);
void pci_model_free(struct pci_model *model);

/**
 * pci_model_find - the device a user names
 * @model: from pci_model_read()
 * @text: address with or without domain, or one of its names
 *
 * Return: the device, or NULL, and that has been complained about.
 */
const struct pci_device *pci_model_find(const struct pci_model *model,
					const char *text);

/** pci_has_memory - whether a device has a memory BAR, which others can reach */
bool pci_has_memory(const struct pci_device *dev);

/** pci_is_bridge - whether a device is part of the way, not one to talk to */
bool pci_is_bridge(const struct pci_device *dev);

/** pci_is_provider - whether others can reach memory of a device that is no bridge */
bool pci_is_provider(const struct pci_device *dev);

/** pci_is_users - whether a driver of VFIO's has a device for programs */
bool pci_is_users(const struct pci_device *dev);

/** pci_acs_text - which bits of ACS are on, "ACS SV RR CR UF"; to be freed */
char *pci_acs_text(const struct pci_device *dev);

/** pci_port_text - such as "root port"; NULL if it is no bridge */
const char *pci_port_text(const struct pci_device *dev);

/** pci_bars_text - memory BARs, "0:16K 2:64M"; to be freed */
char *pci_bars_text(const struct pci_device *dev);

#endif /* PCI_MODEL_H */
