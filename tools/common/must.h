/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the demo and the benchmarks cannot do without
 *
 * must_x() is __x() of the header below devices/ that declares it, and ends the
 * program by fail() if that returns an error.
 */
#ifndef COMMON_MUST_H
#define COMMON_MUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/edu.h"
#include "devices/kvm.h"
#include "devices/nvme.h"
#include "devices/picture.h"
#include "devices/ranges.h"
#include "devices/rdma.h"
#include "devices/vfio.h"
#include "devices/vtd.h"

/**
 * must_pci_env - PCI address of a device of the VM's topology
 * @name: environment variable, such as "DMABUF_EXPORTER"
 */
const char *must_pci_env(const char *name);

/** must_alloc - calloc() */
void *must_alloc(size_t nr, size_t size);

void must_sysfs_write(const char *path, const char *text);
void must_module_load(const char *name);
bool must_module_exists(const char *name);
void must_pci_bind(const char *addr, const char *driver);

int must_iommufd_open(void);
uint32_t must_ioas_alloc(int iommufd);
void must_ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
			uint64_t length, uint64_t iova);
void must_ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length);

/** must_vfio_open - __vfio_open() and __vfio_enable() */
/* Of a device that cannot be opened through VFIO */
#define MUST_VFIO_REMEDY "modprobe vfio-pci, and end what uses the device"

void must_vfio_open(struct vfio_device *dev, const char *addr, int iommufd);

/** must_vfio_map_bar - __vfio_map_bar(); Return: where the BAR is */
void *must_vfio_map_bar(struct vfio_device *dev, unsigned int bar);

/** must_vfio_memory_enable - __vfio_memory_enable(); on: and __wait_restored() */
void must_vfio_memory_enable(struct vfio_device *dev, bool on);

int must_vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		     const struct vfio_region_dma_range *ranges, size_t nr);

struct vfio_region_dma_range *must_ranges_scattered(size_t nr, uint64_t start,
						    uint64_t length);
void must_guard_check(const void *bar, uint64_t offset, uint64_t length);
void must_picture_start(struct picture *picture, void *bar, uint64_t size);
void must_picture_disk(struct picture *picture,
		       const struct vfio_region_dma_range *ranges, size_t nr,
		       uint64_t start, uint64_t length, uint64_t disk);
void must_picture_check(const struct picture *picture);
int must_sealed_memfd(uint64_t length);

int must_klog_open(void);
unsigned int must_klog_count(int fd, const char *text);
void must_klog_expect_faults(const char *addr);
void must_klog_no_other_faults(void);

void must_vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry);

/* Devices that do DMA: see must_engine.c */

void must_edu_open(struct edu *edu, const char *addr, int iommufd);
void must_edu_attach(struct edu *edu, uint32_t ioas);
void must_edu_load(struct edu *edu, const void *data, size_t len);
void must_edu_store(struct edu *edu, uint64_t iova, size_t len);
void must_edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len);
void must_edu_read(struct edu *edu, uint64_t iova, void *data, size_t len);

void must_nvme_open(struct nvme *nvme, const char *addr, int iommufd);
void must_nvme_attach(struct nvme *nvme, uint32_t ioas);
void must_nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len);

void must_rdma_bind(const char *addr);

/** must_rdma_open - __rdma_open() of a PCI device, once it is an RDMA device */
void must_rdma_open(struct rdma *rdma, const char *addr);
void must_rdma_reset(struct rdma *rdma);
void must_rdma_reg_memory(struct rdma *rdma, void *addr, uint64_t length,
			  struct verbs_mr *mr);
void must_rdma_reg_dmabuf(struct rdma *rdma, int fd, uint64_t offset,
			  uint64_t length, struct verbs_mr *mr);
void must_verbs_dereg_mr(const struct verbs_mr *mr);

/** must_rdma_entries - __rdma_entries(); Return: how many, 0 for no such region */
uint64_t must_rdma_entries(const char *addr, uint64_t length, uint64_t *page);

void must_vmm_open(struct vmm *vmm, unsigned long type);
void must_vmm_delete(const struct vmm *vmm, uint32_t slot);
uint64_t must_vmm_stat(int fd, const char *name);
struct vmm_levels must_vmm_levels(const struct vmm *vmm);
void must_vcpu_open(struct vcpu *vcpu, struct vmm *vmm, unsigned int index);

/** must_vcpu_write - vcpu_try_write() of at most 4 KiB, which is done */
void must_vcpu_write(struct vcpu *vcpu, uint64_t gpa, const void *data,
		     size_t size);

/** must_vcpu_touch - vcpu_try_touch(), which is done */
void must_vcpu_touch(struct vcpu *vcpu, uint64_t gpa, uint64_t length);

#endif /* COMMON_MUST_H */
