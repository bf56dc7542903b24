// SPDX-License-Identifier: MIT
/*
 * The VM, and KVM's module
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm.h"
#include "module.h"
#include "sysfs.h"

#define PARAM_NPT "/sys/module/kvm_amd/parameters/npt"
#define PARAM_TDP_MMU "/sys/module/kvm/parameters/tdp_mmu"

void vmm_require(unsigned long type)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), types, vm, slots = 0;

	igt_require_f(kvm >= 0,
		      "cannot open /dev/kvm: %s. Load kvm-amd or kvm-intel\n",
		      strerror(errno));
	types = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	vm = types & (1 << type) ? ioctl(kvm, KVM_CREATE_VM, type) : -1;
	if (vm >= 0) {
		slots = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_DMABUF);
		close(vm);
	}
	close(kvm);
	igt_require_f(vm >= 0, "KVM has no VMs of type %lu\n", type);
	igt_require_f(slots == 1, "KVM has no slots of dma-bufs\n");
}

void vmm_open(struct vmm *vmm, unsigned long type)
{
	int ret = __vmm_open(vmm, type);

	igt_assert_f(!ret, "cannot make a VM of type %lu: %s\n", type,
		     strerror(-ret));
}

void vmm_dmabuf(const struct vmm *vmm, uint32_t slot, uint64_t gpa, int fd,
		uint64_t offset, uint64_t size)
{
	int ret = __vmm_dmabuf(vmm, slot, gpa, fd, offset, size);

	igt_assert_f(!ret,
		     "slot %u: 0x%" PRIx64 " bytes at 0x%" PRIx64 " of a dma-buf: %s\n",
		     slot, size, offset, strerror(-ret));
}

void vmm_delete(const struct vmm *vmm, uint32_t slot)
{
	int ret = __vmm_delete(vmm, slot);

	igt_assert_f(!ret, "cannot delete slot %u: %s\n", slot, strerror(-ret));
}

void vmm_convert(const struct vmm *vmm, uint64_t gpa, uint64_t size,
		 bool private)
{
	int ret = __vmm_convert(vmm, gpa, size, private);

	igt_assert_f(!ret, "cannot make 0x%" PRIx64 " bytes at 0x%" PRIx64 " %s: %s\n",
		     size, gpa, private ? "private" : "shared", strerror(-ret));
}

/* Return: whether a parameter is on */
static bool param(const char *path)
{
	char value[8];
	int ret = __sysfs_read(path, value, sizeof(value));

	igt_assert_f(!ret, "cannot read %s: %s\n", path, strerror(-ret));
	return *value == 'Y' || *value == '1';
}

void vmm_reload(bool npt, bool tdp_mmu)
{
	igt_require_f(!access(PARAM_NPT, F_OK), "no kvm-amd module\n");
	if (param(PARAM_NPT) == npt && param(PARAM_TDP_MMU) == (npt && tdp_mmu))
		return;
	/* Takes kvm along, if that is in nobody else's use */
	module_unload("kvm_amd");
	module_load_with("kvm", tdp_mmu ? "tdp_mmu=1" : "tdp_mmu=0");
	module_load_with("kvm_amd", npt ? "npt=1" : "npt=0");
	igt_assert_eq(param(PARAM_NPT), npt);
	/* KVM switches it off if there is no nested paging */
	igt_assert_eq(param(PARAM_TDP_MMU), npt && tdp_mmu);
}

int vmm_stats_open(int fd)
{
	int stats = __vmm_stats_open(fd);

	igt_assert_f(stats >= 0, "KVM gives no statistics: %s\n",
		     strerror(-stats));
	return stats;
}

uint64_t vmm_stats_read(int stats, const char *name)
{
	uint64_t value = 0;

	igt_assert_f(!__vmm_stats_read(stats, name, &value),
		     "KVM does not count %s\n", name);
	return value;
}

uint64_t vmm_stat(int fd, const char *name)
{
	uint64_t value = 0;
	int ret = __vmm_stat(fd, name, &value);

	igt_assert_f(!ret, "KVM's statistics, %s: %s\n", name, strerror(-ret));
	return value;
}

struct vmm_levels vmm_levels(const struct vmm *vmm)
{
	struct vmm_levels levels;
	int ret = __vmm_levels(vmm, &levels);

	igt_assert_f(!ret, "KVM's statistics of mappings: %s\n",
		     strerror(-ret));
	return levels;
}

uint64_t vmm_tables(struct vmm *vmm)
{
	uint64_t table = 0;

	igt_assert_f(!__vmm_tables(vmm, &table),
		     "the guest has no room for more page tables\n");
	return table;
}

void vmm_map(struct vmm *vmm, uint64_t root, uint64_t va, uint64_t gpa,
	     uint64_t size)
{
	int ret = __vmm_map(vmm, root, va, gpa, size);

	igt_assert_f(!ret, "the guest's page tables, 0x%" PRIx64
		     " bytes at 0x%" PRIx64 ": %s\n", size, va, strerror(-ret));
}
