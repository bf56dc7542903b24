// SPDX-License-Identifier: GPL-2.0
/*
 * Devices and guests that access the exporter's memory
 */
#include <inttypes.h>
#include <string.h>

#include "devices/edu.h"
#include "devices/kvm.h"
#include "devices/nvme.h"
#include "devices/rdma.h"
#include "fail.h"
#include "must.h"

void must_edu_open(struct edu *edu, const char *addr, int iommufd)
{
	int ret = __edu_open(edu, addr, iommufd);

	if (ret)
		fail(MUST_VFIO_REMEDY, "%s: cannot open edu through VFIO: %s", addr,
		     strerror(-ret));
}

void must_edu_attach(struct edu *edu, uint32_t ioas)
{
	int ret = __edu_attach(edu, ioas);

	if (ret)
		fail(NULL, "%s: cannot attach it to an address space: %s",
		     edu->dev.addr, strerror(-ret));
}

static void must_edu_dma(const struct edu *edu, int ret, const char *what,
			 uint64_t iova, size_t len)
{
	if (ret)
		fail(NULL, "%s: %s of %zu bytes at IOVA 0x%" PRIx64 ": %s",
		     edu->dev.addr, what, len, iova, strerror(-ret));
}

void must_edu_load(struct edu *edu, const void *data, size_t len)
{
	must_edu_dma(edu, __edu_load(edu, data, len), "load", EDU_BOUNCE_IOVA,
		     len);
}

void must_edu_store(struct edu *edu, uint64_t iova, size_t len)
{
	must_edu_dma(edu, __edu_store(edu, iova, len), "store", iova, len);
}

void must_edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len)
{
	must_edu_dma(edu, __edu_write(edu, iova, data, len), "write", iova, len);
}

void must_edu_read(struct edu *edu, uint64_t iova, void *data, size_t len)
{
	must_edu_dma(edu, __edu_read(edu, iova, data, len), "read", iova, len);
}

void must_nvme_open(struct nvme *nvme, const char *addr, int iommufd)
{
	int ret = __nvme_open(nvme, addr, iommufd);

	if (ret)
		fail(MUST_VFIO_REMEDY, "%s: cannot open it through VFIO: %s %s", addr,
		     strerror(-ret), nvme->why);
}

void must_nvme_attach(struct nvme *nvme, uint32_t ioas)
{
	int ret = __nvme_attach(nvme, ioas);

	if (ret)
		fail(NULL, "%s: controller does not start: %s, CSTS 0x%x %s",
		     nvme->dev.addr, strerror(-ret), nvme_status(nvme),
		     nvme->why);
}

void must_nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len)
{
	int ret = __nvme_read(nvme, disk, iova, len);

	if (ret)
		fail(NULL, "%s: read to IOVA 0x%" PRIx64 ", 0x%" PRIx64
		     " bytes: %s 0x%x. 0x004 is a fault in the IOMMU",
		     nvme->dev.addr, iova, len,
		     ret < 0 ? strerror(-ret) : "status", (unsigned int)ret);
}

void must_rdma_bind(const char *addr)
{
	struct verbs_device device;
	int ret = __rdma_bind(addr, &device);

	if (ret)
		fail(ret == -ELIBACC ? RDMA_NO_PROVIDER : "see the kernel's log",
		     "%s: cannot make it an RDMA device by edu_ib: %s", addr,
		     strerror(-ret));
}

void must_rdma_open(struct rdma *rdma, const char *addr)
{
	struct verbs_device device = { .name = "" };
	int ret = __rdma_wait_device(addr, &device);

	if (!ret)
		ret = __rdma_open(rdma, device.name);
	if (ret)
		fail(ret == -ELIBACC ? RDMA_NO_PROVIDER : "bind it to edu_ib",
		     "%s: cannot connect two queue pairs of its RDMA device '%s': %s",
		     addr, device.name, strerror(-ret));
}

void must_rdma_reset(struct rdma *rdma)
{
	int ret = __rdma_reset(rdma);

	if (ret)
		fail(NULL, "cannot connect the queue pairs again: %s",
		     strerror(-ret));
}

void must_rdma_reg_memory(struct rdma *rdma, void *addr, uint64_t length,
			  struct verbs_mr *mr)
{
	int ret = __rdma_reg_memory(rdma, addr, length, mr);

	if (ret)
		fail("if out of memory: raise 'ulimit -l'",
		     "cannot register 0x%" PRIx64 " bytes of memory: %s", length,
		     strerror(-ret));
}

void must_rdma_reg_dmabuf(struct rdma *rdma, int fd, uint64_t offset,
			  uint64_t length, struct verbs_mr *mr)
{
	int ret = __rdma_reg_dmabuf(rdma, fd, offset, length, mr);

	if (ret)
		fail(NULL, "cannot register 0x%" PRIx64 "+0x%" PRIx64
		     " of the dma-buf: %s", offset, length, strerror(-ret));
}

void must_verbs_dereg_mr(const struct verbs_mr *mr)
{
	int ret = __verbs_dereg_mr(mr);

	if (ret)
		fail(NULL, "cannot deregister memory region 0x%x: %s", mr->lkey,
		     strerror(-ret));
}

uint64_t must_rdma_entries(const char *addr, uint64_t length, uint64_t *page)
{
	uint64_t entries = 0;
	int ret = __rdma_entries(addr, length, &entries, page);

	if (ret)
		fail("bind it to edu_ib, and mount debugfs",
		     "%s: no list of its memory regions: %s", addr,
		     strerror(-ret));
	return entries;
}

void must_vmm_open(struct vmm *vmm, unsigned long type)
{
	int ret = __vmm_open(vmm, type);

	if (ret)
		fail("modprobe kvm-amd or kvm-intel",
		     "cannot make a VM of type %lu: %s", type, strerror(-ret));
}

void must_vmm_delete(const struct vmm *vmm, uint32_t slot)
{
	int ret = __vmm_delete(vmm, slot);

	if (ret)
		fail(NULL, "cannot delete slot %u: %s", slot, strerror(-ret));
}

uint64_t must_vmm_stat(int fd, const char *name)
{
	uint64_t value = 0;
	int ret = __vmm_stat(fd, name, &value);

	if (ret)
		fail(NULL, "KVM's statistics, %s: %s", name, strerror(-ret));
	return value;
}

struct vmm_levels must_vmm_levels(const struct vmm *vmm)
{
	struct vmm_levels levels = {};
	int ret = __vmm_levels(vmm, &levels);

	if (ret)
		fail(NULL, "KVM's statistics of mappings: %s", strerror(-ret));
	return levels;
}

void must_vcpu_open(struct vcpu *vcpu, struct vmm *vmm, unsigned int index)
{
	int ret = __vcpu_open(vcpu, vmm, index);

	if (ret)
		fail(NULL, "cannot make vCPU %u: %s", index, strerror(-ret));
}

static void must_be_done(struct vcpu *vcpu, const char *what, uint64_t gpa)
{
	if (vcpu->end != VCPU_DONE)
		fail(NULL, "vCPU %u, %s 0x%" PRIx64 ": %s", vcpu->index, what, gpa,
		     vcpu_ended(vcpu));
}

void must_vcpu_write(struct vcpu *vcpu, uint64_t gpa, const void *data,
		     size_t size)
{
	vcpu_try_write(vcpu, gpa, data, size);
	must_be_done(vcpu, "copy to", gpa);
}

void must_vcpu_touch(struct vcpu *vcpu, uint64_t gpa, uint64_t length)
{
	vcpu_try_touch(vcpu, gpa, length);
	must_be_done(vcpu, "touch from", gpa);
}
