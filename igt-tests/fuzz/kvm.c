// SPDX-License-Identifier: MIT
/*
 * Memslots, and what a guest sees of them
 */
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bytes.h"
#include "devices/kvm.h"
#include "file.h"
#include "map.h"
#include "ops.h"

/* Slots of a VM that are known, each where it belongs */
#define NR 4
#define GPA(slot) ((4ull << 30) + (uint64_t)(slot) * (64ull << 20))

static struct machine {
	struct vmm vmm;
	struct vcpu vcpu;
	bool protected;
	/* Something may be where no slot is known to be */
	bool elsewhere;
	struct memslot {
		uint64_t length, page, inode, va, stored;
		bool mapping, logged;
	} slot[NR];
} machines[FUZZ_SLOTS];

static long release(unsigned int slot, long what)
{
	struct machine *machine = &machines[slot];

	(void)what;
	vcpu_close(&machine->vcpu);
	vmm_close(&machine->vmm);
	memset(machine, 0, sizeof(*machine));
	return 0;
}

long fuzz_kvm_begin(void)
{
	fuzz_on_release(FUZZ_VM, release);
	return access("/dev/kvm", R_OK | W_OK) ? -errno : 0;
}

/* Type, slot */
long call_vm(const uint64_t *arg)
{
	struct machine *machine = &machines[arg[1]];
	int ret;

	fuzz_take(FUZZ_VM, (unsigned int)arg[1]);
	memset(machine, 0, sizeof(*machine));
	ret = __vmm_open(&machine->vmm, arg[0]);
	if (ret)
		return ret;
	machine->protected = arg[0] == KVM_X86_SW_PROTECTED_VM;
	ret = __vcpu_open(&machine->vcpu, &machine->vmm, 0);
	if (!ret)
		/* What other calls take for a file is one */
		return machine->vmm.fd;
	vmm_close(&machine->vmm);
	return ret;
}

static struct machine *find(uint64_t slot)
{
	return slot < FUZZ_SLOTS && machines[slot].vmm.ram ? &machines[slot] : NULL;
}

/* The slot, or the next one if nothing is in it, as of everything that has slots */
static unsigned int filled(const struct machine *machine, uint64_t slot)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		if (machine->slot[(slot + i) % NR].length)
			return (unsigned int)((slot + i) % NR);
	return (unsigned int)(slot % NR);
}

/* VM, slot, dma-buf, offset, size, flags, how far from where it belongs */
long call_memslot(const uint64_t *arg)
{
	struct machine *machine = find(arg[0]);
	uint32_t slot = (uint32_t)arg[1];
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = (uint32_t)arg[5],
		.guest_phys_addr = GPA(slot % NR) + arg[6],
		.memory_size = arg[4],
		.guest_memfd_offset = arg[3],
		.guest_memfd = (uint32_t)arg[2],
	};
	int ret;

	if (!machine)
		return -EBADF;
	/* In slot 0 are the guest's own code and tables */
	if (!slot)
		return -EINVAL;
	ret = __vmm_region(&machine->vmm, &region);
	if (!ret && arg[4] && region.flags & KVM_MEM_DMABUF &&
	    fuzz_bytes_find((int)arg[2]) && !fuzz_file_allows((int)arg[2], true))
		return fuzz_wrong("a guest got rights that the descriptor does not have");
	if (ret)
		return ret;
	if (arg[4] && (arg[6] || slot >= NR || region.flags != KVM_MEM_DMABUF))
		machine->elsewhere = true;
	if (slot >= NR)
		return 0;
	machine->slot[slot] = (struct memslot) {
		/* Elsewhere nobody looks, nor at memory of another kind */
		.length = arg[6] || region.flags != KVM_MEM_DMABUF ? 0 : arg[4],
		.page = arg[3] / FUZZ_PAGE,
		.inode = fuzz_bytes_inode((int)arg[2]),
	};
	return 0;
}

/*
 * VM, slot, address in a mapping, bytes, flags: memory of the program, where KVM finds what
 * is mapped by then
 */
long call_memslot_va(const uint64_t *arg)
{
	struct machine *machine = find(arg[0]);
	uint32_t slot = (uint32_t)arg[1];
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = (uint32_t)arg[4],
		.guest_phys_addr = GPA(slot % NR),
		.memory_size = arg[3],
		.userspace_addr = arg[2],
	};
	int ret;

	if (!machine)
		return -EBADF;
	if (!slot || slot >= NR)
		return -EINVAL;
	ret = __vmm_region(&machine->vmm, &region);
	if (!ret)
		machine->slot[slot] = (struct memslot) {
			.length = arg[3], .va = arg[2], .mapping = true,
			.logged = region.flags & KVM_MEM_LOG_DIRTY_PAGES,
		};
	return ret;
}

/* VM, slot: there is none of a dma-buf. Which pages a guest has stored to must be in it. */
long call_dirty_log(const uint64_t *arg)
{
	struct machine *machine = find(arg[0]);
	uint64_t slot = arg[1], bitmap = 0, stored;
	struct kvm_dirty_log log = { .slot = (uint32_t)slot };
	bool known;
	long ret;

	if (!machine)
		return -EBADF;
	/* Nobody knows how long that of another one is */
	known = slot < NR && machine->slot[slot].logged &&
		machine->slot[slot].length <= 64 * FUZZ_PAGE;
	log.dirty_bitmap = known ? (void *)&bitmap : (void *)(uintptr_t)fuzz_at(0);
	ret = fuzz_ioctl((uint64_t)machine->vmm.fd, KVM_GET_DIRTY_LOG, (uintptr_t)&log);
	/* It has one, for which there is no room */
	if (!known && ret == -EFAULT)
		return 0;
	if (ret || !known)
		return ret;
	stored = machine->slot[slot].stored;
	machine->slot[slot].stored = 0;
	if (stored & ~bitmap)
		return fuzz_wrong("dirty log: 0x%" PRIx64 " without some of 0x%" PRIx64,
				  bitmap, stored);
	return 0;
}

/* VM, slot, pages */
long call_prefault(const uint64_t *arg)
{
	struct machine *machine = find(arg[0]);
	int64_t ret;

	if (!machine)
		return -EBADF;
	ret = __vcpu_prefault(&machine->vcpu, GPA(filled(machine, arg[1])),
			      arg[2] * FUZZ_PAGE);
	/* Of a length with bit 63 set the same may be left: whole pages, as no errno is */
	return ret % FUZZ_PAGE ? ret : 0;
}

/* VM, slot, page, whether to store */
long call_guest(const uint64_t *arg)
{
	struct machine *machine = find(arg[0]);
	struct memslot *slot;
	uint64_t page, inode, at, word = 0;
	const struct fuzz_bytes *bytes;
	unsigned int nr;
	enum vcpu_end end;
	uint64_t gpa;
	long ret;

	if (!machine)
		return -EBADF;
	nr = filled(machine, arg[1]);
	slot = &machine->slot[nr];
	page = slot->length ? arg[2] % (slot->length / FUZZ_PAGE) : 0;
	gpa = GPA(nr) + page * FUZZ_PAGE;
	inode = slot->inode;
	at = slot->page + page;
	if (slot->mapping)
		inode = fuzz_map_inode(slot->va + page * FUZZ_PAGE, &at);
	if (arg[3] & 1) {
		word = fuzz_word(fuzz_bytes_by_inode(inode), at);
		if (!slot->length || !word)
			return -EINVAL;
		end = vcpu_try_store(&machine->vcpu, gpa, 8, word);
		if (slot->logged && end == VCPU_DONE && page < 64)
			slot->stored |= 1ull << page;
	} else {
		end = vcpu_try_load(&machine->vcpu, gpa, 8);
		word = machine->vcpu.result;
	}
	if (!slot->length && !machine->elsewhere && end == VCPU_DONE)
		return fuzz_wrong("a guest's access: no slot is there, and it got through");
	/* What cannot be reached in a mapping is EFAULT without a word about where */
	if (slot->length && !slot->mapping && end != VCPU_DONE && end != VCPU_FAULT &&
	    end != VCPU_MMIO)
		return fuzz_wrong("a guest's access ended with %s", vcpu_ended(&machine->vcpu));
	/* What is converted is no business of this */
	if (slot->length && !machine->protected) {
		bytes = fuzz_bytes_by_inode(inode);
		/* A mapping need not let a guest in, either */
		ret = (slot->mapping || (bytes && bytes->uncached)) && end != VCPU_DONE ? 0 :
			fuzz_judge("a guest's access", inode, at, end == VCPU_DONE,
				   arg[3] & 1 ? NULL : &word);
		if (ret)
			return ret;
	}
	return end == VCPU_DONE ? 0 : end == VCPU_FAULT ? -EFAULT : -ENXIO;
}

/* VM, slot, pages, whether private */
/* Pages; enough to reach beyond all slots */
#define MAX_PRIVATE 65536

long call_private(const uint64_t *arg)
{
	struct machine *machine = find(arg[0]);

	if (!machine)
		return -EBADF;
	/* KVM reserves an entry for each page, and no signal ends that */
	return __vmm_convert(&machine->vmm, GPA(arg[1] % NR),
			     arg[2] % MAX_PRIVATE * FUZZ_PAGE, arg[3] & 1);
}

const struct fuzz_op fuzz_kvm_ops[] = {
	{
		.name = "vm", .weight = 7, GIVES(FUZZ_VM), CALL(call_vm),
		ARGS(ARG("type", OF(KVM_X86_DEFAULT_VM, KVM_X86_DEFAULT_VM,
				    KVM_X86_SW_PROTECTED_VM)),),
		ERRNOS(EINVAL, ENOMEM, EMFILE),
	}, {
		.name = "memslot", .weight = 50, GIVES_NOTHING, CALL(call_memslot),
		ARGS(ARG("vm", SLOT(FUZZ_VM)), ARG("slot", OF(1, 2, 3, 1, 2, 3, 4)),
		     ARG("dmabuf", RES(FUZZ_DMABUF)),
		     ARG("offset", OF(0, 0, 0, 0, FUZZ_PAGE)),
		     ARG("size", OF(FUZZ_PAGE, FUZZ_PAGE, FUZZ_PAGE, 2 * FUZZ_PAGE, 0)),
		     ARG("flags", OF(KVM_MEM_DMABUF, KVM_MEM_DMABUF, KVM_MEM_DMABUF,
				     KVM_MEM_DMABUF, KVM_MEM_DMABUF, KVM_MEM_DMABUF,
				     KVM_MEM_DMABUF | KVM_MEM_LOG_DIRTY_PAGES)),
		     ARG("beside", OF(0, 0, 0, 0, 0, FUZZ_PAGE)),),
		ERRNOS(EINVAL, EBADF, EOPNOTSUPP, EACCES, ENODEV, EEXIST, ENOMEM),
	}, {
		.name = "memslot-va", .weight = 36, GIVES_NOTHING, CALL(call_memslot_va),
		ARGS(ARG("vm", SLOT(FUZZ_VM)), ARG("slot", OF(1, 2, 3, 3, 3)),
		     ARG("address", VA), ARG("size", OF(FUZZ_PAGE, FUZZ_PAGE, 2 * FUZZ_PAGE, 0)),
		     ARG("flags", OF(0, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_LOG_DIRTY_PAGES)),),
		ERRNOS(EINVAL, EBADF, EEXIST),
	}, {
		.name = "dirty-log", .weight = 60, GIVES_NOTHING, CALL(call_dirty_log),
		ARGS(ARG("vm", SLOT(FUZZ_VM)), ARG("slot", OF(1, 2, 3, 3, 3, 3, 0, 4)),),
		ERRNOS(EBADF, ENOENT),
	}, {
		.name = "prefault", .weight = 48, GIVES_NOTHING, CALL(call_prefault),
		ARGS(ARG("vm", SLOT(FUZZ_VM)), ARG("slot", OF(1, 2, 3, 1, 2, 3, 3, 3, 0)),
		     ARG("pages", OF(1, 1, 1, 1, 1, 1, 2, 0)),),
		ERRNOS(EINVAL, EBADF, EFAULT, EAGAIN, ENOENT, EOPNOTSUPP, EIO),
	}, {
		.name = "guest", .weight = 60, GIVES_NOTHING, CALL(call_guest),
		ARGS(ARG("vm", SLOT(FUZZ_VM)), ARG("slot", OF(1, 2, 3)),
		     ARG("page", BELOW(4, 1)), ARG("store", OF(0, 0, 1)),),
		ERRNOS(EINVAL, EBADF, EFAULT, ENXIO),
	}, {
		.name = "private", .weight = 14, GIVES_NOTHING, CALL(call_private),
		ARGS(ARG("vm", SLOT(FUZZ_VM)), ARG("slot", BELOW(NR, 1)),
		     ARG("pages", OF(1, 2)), ARG("on", BITS(1)),),
		ERRNOS(EINVAL, EBADF, ENOMEM, ENOTTY, EFAULT),
	}, {
		.name = "vm-close", .weight = 5, TAKES(FUZZ_VM),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
