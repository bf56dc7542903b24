// SPDX-License-Identifier: MIT
/*
 * VMs that come and go, with slots of dma-bufs
 */
#include <string.h>
#include <unistd.h>

#include "devices/kvm.h"
#include "random.h"
#include "soak.h"

#define SLOTS 3u
#define GPA(slot) ((4ull << 30) + (uint64_t)(slot) * (1ull << 30))

enum { TAKE, VM, SLOT, DELETE, LOAD, STORE, PREFAULT };

static const struct soak_call calls[] = {
	[TAKE] = SOAK_TAKE,
	[VM] = SOAK_CALL("vm"),
	/* One that is dead cannot be a slot, nor one of memory that is not cached */
	[SLOT] = SOAK_CALL("slot", ENODEV, EOPNOTSUPP),
	[DELETE] = SOAK_CALL("delete"),
	[LOAD] = SOAK_CALL("load", EFAULT),
	[STORE] = SOAK_CALL("store", EFAULT),
	/* Its bytes may be on their way */
	[PREFAULT] = SOAK_CALL("prefault", EFAULT, EAGAIN),
	{ 0 }
};

static struct vmm vmm = { .fd = -1 };
static struct vcpu vcpu = { .fd = -1 };
/* Slot 0 is the guest's own memory */
static struct soak_buffer slots[1 + SLOTS];

static int open_vm(void)
{
	int ret = __vmm_open(&vmm, below(4) ? KVM_X86_DEFAULT_VM :
							   KVM_X86_SW_PROTECTED_VM);

	if (ret)
		return ret;
	ret = __vcpu_open(&vcpu, &vmm, 0);
	if (ret)
		vmm_close(&vmm);
	return ret;
}

static void change(struct soak_worker *worker, uint32_t slot)
{
	struct soak_buffer *buffer = &slots[slot];

	if (buffer->nr) {
		soak_ended(worker, DELETE, __vmm_delete(&vmm, slot));
		buffer->nr = 0;
	}
	if (soak_take(worker, TAKE, buffer)) {
		buffer->nr = 0;
		return;
	}
	if (soak_try(worker, SLOT,
		     __vmm_dmabuf(&vmm, slot, GPA(slot), buffer->fd, 0,
				  buffer->nr * SOAK_PAGE)))
		buffer->nr = 0;
	close(buffer->fd);
}

static int outcome(struct soak_worker *worker, enum vcpu_end end)
{
	switch (end) {
	case VCPU_DONE:
		return 0;
	case VCPU_FAULT:
		return -EFAULT;
	default:
		if (vcpu.error)
			return -vcpu.error;
		soak_wrong(worker, "an access ended with %s", vcpu_ended(&vcpu));
		return -EIO;
	}
}

static void use(struct soak_worker *worker, uint32_t slot)
{
	struct soak_buffer *buffer = &slots[slot];
	uint32_t page;
	uint64_t gpa;
	int64_t left;
	int ret;

	if (!buffer->nr)
		return;
	page = below(buffer->nr);
	gpa = GPA(slot) + page * SOAK_PAGE;
	switch (below(8)) {
	case 0:
		left = __vcpu_prefault(&vcpu, GPA(slot), buffer->nr * SOAK_PAGE);
		soak_ended(worker, PREFAULT, left < 0 ? (int)left : 0);
		break;
	case 1 ... 4:
		ret = outcome(worker, vcpu_try_load(&vcpu, gpa, 8));
		if (!ret)
			soak_expect(worker, buffer, page, vcpu.result);
		soak_ended(worker, LOAD, ret);
		break;
	default:
		/* Registers that find no memory would have it run from anywhere */
		vcpu_begin(&vcpu, guest_store8, gpa, 0, buffer->word[page], 0);
		soak_may_fail();
		ret = outcome(worker, vcpu_run(&vcpu));
		soak_failed(worker, STORE, ret);
	}
}

static int work(struct soak_worker *worker)
{
	while (!soak_stops()) {
		uint32_t i, rounds = below(200);

		if (soak_try(worker, VM, open_vm()))
			continue;
		memset(slots, 0, sizeof(slots));
		for (i = 0; i < rounds && !soak_stops(); i++) {
			uint32_t slot = 1 + below(SLOTS);

			if (!slots[slot].nr || !below(10))
				change(worker, slot);
			else
				use(worker, slot);
		}
		/* With whatever slots it has */
		vcpu_close(&vcpu);
		vmm_close(&vmm);
	}
	return 0;
}

const struct soak_kind soak_guests = {
	.name = "guests", .calls = calls, .work = work,
};
