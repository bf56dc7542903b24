/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "pci_model.h"

/**
 * enum mark - how bad a finding is
 * @MARK_OK: as it should be
 * @MARK_WARN: something will not work, or not for everybody
 * @MARK_FAIL: peer-to-peer DMA with VFIO will not work until this is set right
 */
enum mark {
	MARK_OK,
	MARK_WARN,
	MARK_FAIL,
};

/**
 * struct finding - one thing that was looked at
 * @mark: how it is
 * @topic: a word for programs, such as "iommu"
 * @text: what was found
 * @remedy: what to do, or NULL
 */
struct finding {
	enum mark mark;
	const char *topic;
	char *text;
	char *remedy;
};

/**
 * struct doctor - an examination
 * @model: the machine's PCI devices; its @root is where to look
 * @release: the installed kernel whose modules are looked at; NULL for the running one
 * @loads_nothing: the running kernel has no CONFIG_MODULES, and not all that is needed
 * @findings: in the order they were made
 * @nr_findings: their number
 */
struct doctor {
	struct pci_model model;
	const char *release;
	bool loads_nothing;
	struct finding *findings;
	size_t nr_findings;
};

/**
 * doctor_add - note a finding
 * @text: what was found, without full stop; taken over
 * @remedy: sentences, taken over; NULL if there is nothing to do
 */
void doctor_add(struct doctor *doctor, enum mark mark, const char *topic,
		char *text, char *remedy);

/* What is looked at, one function a topic */
void doctor_kernel(struct doctor *doctor);
void doctor_modules(struct doctor *doctor);
void doctor_iommu(struct doctor *doctor);
void doctor_permissions(struct doctor *doctor);
void doctor_routes(struct doctor *doctor);
void doctor_acs(struct doctor *doctor);
void doctor_vfio(struct doctor *doctor);
void doctor_rdma(struct doctor *doctor);
void doctor_taken(struct doctor *doctor);

/** doctor_group - drivers that keep VFIO from a device, if there are any, as @mark */
void doctor_group(struct doctor *doctor, const struct pci_device *dev,
		  enum mark mark);

/** doctor_rdma_of - what a device is as an RDMA device, if it is one */
void doctor_rdma_of(struct doctor *doctor, const struct pci_device *dev);

/** doctor_pair - two devices instead of all: routes, links, groups, drivers */
void doctor_pair(struct doctor *doctor, const struct pci_device *a,
		 const struct pci_device *b);

#endif /* DOCTOR_H */
