// SPDX-License-Identifier: GPL-2.0
/*
 * Slots of a dma-buf or of a host mapping, and the guest they are for
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "devices/kvm.h"
#include "devices/ranges.h"
#include "fail.h"
#include "must.h"
#include "slot.h"

/* Slot 0 is the guest's memory */
#define SLOT 1
#define RESERVED GiB(3)

static struct vmm vmm = { .fd = -1 };
static struct vcpu vcpu = { .fd = -1 };

struct slot slot_dmabuf(struct vfio_device *dev,
			const struct vfio_region_dma_range *ranges, size_t nr,
			uint64_t gpa)
{
	return (struct slot) {
		.gpa = gpa,
		.size = ranges_size(ranges, nr),
		.ranges = nr,
		.fd = must_vfio_dmabuf(dev, BAR, ranges, nr),
	};
}

struct slot slot_mmap(struct vfio_device *dev, uint64_t size, bool misaligned)
{
	struct slot slot = { .gpa = GPA, .size = size, .ranges = 1, .fd = -1 };
	uintptr_t at;

	slot.reserved = mmap(NULL, RESERVED, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (slot.reserved == MAP_FAILED)
		fail(NULL, "cannot reserve 3 GiB of addresses: %s",
		     strerror(errno));
	at = ((uintptr_t)slot.reserved + GiB(1) - 1) & ~(GiB(1) - 1);
	if (misaligned)
		at += PAGE;
	slot.va = mmap((void *)at, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, dev->fd,
		       (off_t)dev->region[BAR].offset);
	if (slot.va == MAP_FAILED)
		fail(NULL, "%s: cannot map BAR%u: %s", dev->addr, BAR,
		     strerror(errno));
	return slot;
}

void slot_free(struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	if (slot->reserved)
		munmap(slot->reserved, RESERVED);
	slot->fd = -1;
	slot->reserved = NULL;
	slot->va = NULL;
}

void vm_end(void)
{
	vcpu_close(&vcpu);
	vmm_close(&vmm);
}

void vm_new(void)
{
	vm_end();
	must_vmm_open(&vmm, KVM_X86_DEFAULT_VM);
	must_vcpu_open(&vcpu, &vmm, 0);
}

uint64_t slot_add(const struct slot *slot)
{
	uint64_t start = instructions();
	int ret;

	if (slot->fd >= 0)
		ret = __vmm_dmabuf(&vmm, SLOT, slot->gpa, slot->fd, 0,
				   slot->size);
	else
		ret = __vmm_memory(&vmm, SLOT, slot->gpa, slot->va, slot->size);
	start = instructions() - start;
	if (ret)
		fail(NULL, "cannot make a slot of %s: %s",
		     slot->fd >= 0 ? "a dma-buf" : "mapped memory",
		     strerror(-ret));
	return start;
}

void vm_ready(void)
{
	must_vcpu_touch(&vcpu, GPA, 0);
}

void slot_delete(void)
{
	must_vmm_delete(&vmm, SLOT);
}

static uint64_t count(const struct vmm_levels *levels)
{
	return levels->k4 + levels->m2 + levels->g1;
}

uint64_t vm_mappings(void)
{
	struct vmm_levels levels = must_vmm_levels(&vmm);

	return count(&levels);
}

/* What was mapped since @before; Return: how many mappings */
static uint64_t mapped(const struct vmm_levels *before, char *level, size_t size)
{
	struct vmm_levels after = must_vmm_levels(&vmm);

	snprintf(level, size, "%s%s%s", after.k4 > before->k4 ? "+4K" : "",
		 after.m2 > before->m2 ? "+2M" : "",
		 after.g1 > before->g1 ? "+1G" : "");
	memmove(level, level + (level[0] == '+'), strlen(level));
	return count(&after) - count(before);
}

struct cost slot_prefault(const struct slot *slot)
{
	struct vmm_levels before = must_vmm_levels(&vmm);
	uint64_t start = instructions();
	int64_t left = __vcpu_prefault(&vcpu, slot->gpa, slot->size);
	struct cost cost = { .instructions = instructions() - start };

	if (left)
		fail(NULL, "KVM_PRE_FAULT_MEMORY: %s",
		     left < 0 ? strerror((int)-left) : "not all of it");
	cost.faults = mapped(&before, cost.level, sizeof(cost.level));
	return cost;
}

struct cost slot_touch(const struct slot *slot, uint64_t stride)
{
	struct vmm_levels before = must_vmm_levels(&vmm);
	uint64_t faults = must_vmm_stat(vcpu.fd, "pf_taken"), start;
	struct cost cost;

	vcpu_begin(&vcpu, guest_touch, slot->gpa, slot->size, 0, stride);
	start = instructions();
	vcpu_run(&vcpu);
	cost.instructions = instructions() - start;
	if (vcpu.end != VCPU_DONE)
		fail(NULL, "the guest cannot read the BAR: %s",
		     vcpu_ended(&vcpu));
	cost.faults = must_vmm_stat(vcpu.fd, "pf_taken") - faults;
	mapped(&before, cost.level, sizeof(cost.level));
	return cost;
}
