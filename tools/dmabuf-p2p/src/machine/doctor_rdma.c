// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: RDMA devices, what takes them, and what they reach
 */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "doctor.h"
#include "devices/verbs.h"
#include "route.h"
#include "sysfs_file.h"
#include "text.h"

/* What is known of the drivers that can be below an RDMA device */
static const struct {
	const char *driver;
	enum mark mark;
	const char *text;
} rdma_drivers[] = {
	{ "mlx5_core", MARK_OK, "takes VFIO's dma-bufs, also while they come and go" },
	{ "edu_ib", MARK_OK, "takes VFIO's dma-bufs, also while they come and go" },
	{ "irdma", MARK_OK, "takes VFIO's dma-bufs, and loses what is revoked" },
	{ "ice", MARK_OK, "takes VFIO's dma-bufs, and loses what is revoked" },
	{ "i40e", MARK_OK, "takes VFIO's dma-bufs, and loses what is revoked" },
	{ "bnxt_en", MARK_WARN, "takes no dma-bufs of VFIO" },
	{ "efa", MARK_WARN, "takes no dma-bufs of VFIO" },
	{ "ionic", MARK_WARN, "takes no dma-bufs of VFIO" },
	{ "mana", MARK_WARN, "takes no dma-bufs of VFIO" },
};

/* What users of zero copy are after: the BARs of VFIO's devices, by RDMA */
static void check_reach(struct doctor *doctor, const char *name)
{
	const struct pci_model *model = &doctor->model;
	const struct pci_device *end = model->devices + model->nr_devices;
	const struct pci_device *dev, *rdma;
	char *list = NULL, *remedy = NULL;
	size_t all = 0, unreached = 0;
	bool unknown = false;
	struct route route;
	char addr[32];

	/* Software has none, and no device has an empty one */
	sysfs_link(addr, sizeof(addr), model->root,
		   "/sys/class/infiniband/%s/device", name);
	for (rdma = model->devices; rdma < end; rdma++)
		if (!strcmp(rdma->addr, addr))
			break;
	for (dev = model->devices; rdma < end && dev < end; dev++) {
		if (!pci_is_users(dev) || !pci_is_provider(dev))
			continue;
		all++;
		route = route_find(model, dev, rdma);
		if (route.kind == ROUTE_UNKNOWN)
			unknown = true;
		if (route.kind != ROUTE_NONE)
			continue;
		if (!unreached++)
			remedy = route_remedy(&route);
		list = text_join(list, " ", text_format("%s", dev->addr));
	}
	if (unreached)
		doctor_add(doctor, MARK_WARN, "rdma-route",
			   text_format("RDMA device %s has no route to %s, %zu of the %zu devices bound to vfio-pci",
				       name, list, unreached, all), remedy);
	else if (all && !unknown)
		doctor_add(doctor, MARK_OK, "rdma-route",
			   text_format("RDMA device %s has a route to every device bound to vfio-pci",
				       name), NULL);
	free(list);
}

/* The kernel may have a device that libibverbs does not, and copy and bench neither */
static void check_provider(struct doctor *doctor, const char *name)
{
	struct verbs_device device;

	/* What the library says is of this machine */
	if (doctor->model.root[0] || !__verbs_find(name, &device))
		return;
	doctor_add(doctor, MARK_WARN, "rdma-provider",
		   text_format("libibverbs does not have RDMA device %s, so copy and bench do not either",
			       name),
		   text_format("Load ib_uverbs, and install the provider for its driver: package ibverbs-providers, or dmabuf-phys-tests for edu_ib."));
}

static void check_driver(struct doctor *doctor, const char *name)
{
	const char *other = "Use one whose driver does, of mlx5 for example.";
	const char *root = doctor->model.root;
	char driver[32], addr[32];
	size_t i;

	if (!sysfs_link(addr, sizeof(addr), root,
			"/sys/class/infiniband/%s/device", name)) {
		doctor_add(doctor, MARK_WARN, "rdma",
			   text_format("RDMA device %s is software: it takes no dma-bufs",
				       name), text_format("%s", other));
		return;
	}
	sysfs_link(driver, sizeof(driver), root,
		   "/sys/bus/pci/devices/%s/driver", addr);
	for (i = 0; i < ARRAY_SIZE(rdma_drivers); i++) {
		enum mark mark = rdma_drivers[i].mark;

		if (strcmp(rdma_drivers[i].driver, driver))
			continue;
		doctor_add(doctor, mark, "rdma",
			   text_format("RDMA device %s (%s, %s) %s", name, addr,
				       driver, rdma_drivers[i].text),
			   mark == MARK_OK ? NULL : text_format("%s", other));
		return;
	}
	doctor_add(doctor, MARK_WARN, "rdma",
		   text_format("RDMA device %s (%s, %s): its driver is not known here",
			       name, addr, driver[0] ? driver : "no driver"),
		   text_format("Try it: it takes dma-bufs of VFIO if it can be told of a revoke."));
}

static void check_rdma(struct doctor *doctor, const char *name)
{
	check_driver(doctor, name);
	check_provider(doctor, name);
}

void doctor_rdma_of(struct doctor *doctor, const struct pci_device *dev)
{
	char **names = sysfs_list(doctor->model.root, "/sys/class/infiniband");
	char addr[32];
	size_t i;

	for (i = 0; names[i]; i++)
		if (sysfs_link(addr, sizeof(addr), doctor->model.root,
			       "/sys/class/infiniband/%s/device", names[i]) &&
		    !strcmp(addr, dev->addr))
			check_rdma(doctor, names[i]);
	sysfs_list_free(names);
}

/* Not by groups: VFIO's mode without an IOMMU makes them up */
static bool has_iommu(const struct pci_model *model)
{
	size_t i;

	for (i = 0; i < model->nr_devices; i++)
		if (model->devices[i].iommu[0])
			return true;
	return false;
}

void doctor_rdma(struct doctor *doctor)
{
	char **names = sysfs_list(doctor->model.root, "/sys/class/infiniband");
	size_t i;

	if (!names[0])
		doctor_add(doctor, MARK_OK, "rdma",
			   text_format("no RDMA device; copy and bench %s",
				       has_iommu(&doctor->model) ?
				       "can use NVMe" :
				       "have the CPU only: NVMe needs an IOMMU"),
			   NULL);
	for (i = 0; names[i]; i++) {
		check_rdma(doctor, names[i]);
		check_reach(doctor, names[i]);
	}
	sysfs_list_free(names);
}
