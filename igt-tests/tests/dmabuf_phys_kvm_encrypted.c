// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm encrypted
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: slots without host access
 * Description: Memory that the host does not touch, in guests: for private accesses of
 *	protected VMs and for nothing else
 * Test category: functionality test
 */
#include <errno.h>
#include <unistd.h>

#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "kvm_loop.h"
#include "pci.h"
#include "subtests.h"

#define AT MiB(4)
#define SIZE MiB(4)
#define SEED 0x5ec4000000000000ull
#define PRIVATE KVM_MEMORY_EXIT_FLAG_PRIVATE

static int iommufd = -1;
static struct vfio_device shm = { .fd = -1 };
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];
static int fd = -1;

static void begin(void)
{
	guest_close(&guest);
	close_fd(&fd);
	vfio_memory_enable(&shm, true);
	fd = export_one(&shm, NO_HOST, AT, SIZE);
}

/* After the buffer is gone the host may look */
static void check_bar(uint64_t start, uint64_t length)
{
	uint64_t at, word;

	guest_close(&guest);
	close_fd(&fd);
	for (at = start; at < start + length; at += KiB(64)) {
		igt_assert_eq(pread(shm.fd, &word, 8,
				    (off_t)(shm.region[SHM_BAR].offset + AT +
					    at)), 8);
		igt_assert_eq_u64(word, SEED + at);
	}
}

/**
 * SUBTEST: private
 * Description: The guest writes and reads private memory, in pages of 2 MiB; every
 *	way of the host is closed meanwhile, and afterwards the bytes are there
 */
static void private(void)
{
	begin();
	guest_open(&guest, KVM_X86_SW_PROTECTED_VM, 1);
	vmm_convert(&guest.vmm, BASE, SIZE, true);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
	igt_assert_eq_u64(vmm_levels(&guest.vmm).m2, 2);
	expect_closed(&shm, AT);
	check_bar(0, SIZE);
	expect_open(&shm, AT);
}

/**
 * SUBTEST: shared
 * Description: A shared access is a memory fault; once converted it works, and back
 */
static void shared(void)
{
	begin();
	guest_open(&guest, KVM_X86_SW_PROTECTED_VM, 1);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vcpu_expect_fault(vcpu, BASE, 0);
	vmm_convert(&guest.vmm, BASE, MiB(2), true);
	vcpu_fill(vcpu, BASE, MiB(2), SEED, 8);
	vcpu_expect_fault(vcpu, BASE + MiB(2), 0);
	vmm_convert(&guest.vmm, BASE, MiB(2), false);
	vcpu_expect_fault(vcpu, BASE, 0);
	check_bar(0, MiB(2));
}

/**
 * SUBTEST: revoked
 * Description: Revoked it faults, restored it goes on, and the host's ways stay
 *	closed
 */
static void revoked(void)
{
	begin();
	guest_open(&guest, KVM_X86_SW_PROTECTED_VM, 1);
	vmm_convert(&guest.vmm, BASE, SIZE, true);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	vfio_memory_enable(&shm, false);
	vcpu_expect_fault(vcpu, BASE, PRIVATE);
	vfio_memory_enable(&shm, true);
	expect_closed(&shm, AT);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
	check_bar(0, SIZE);
}

/**
 * SUBTEST: ordinary-vm
 * Description: A VM without private memory is refused
 */
static void ordinary_vm(void)
{
	begin();
	guest_open(&guest, KVM_X86_DEFAULT_VM, 1);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE),
		      -EOPNOTSUPP);
	vcpu_expect_nothing(vcpu, BASE);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "private", private },
		{ "shared", shared },
		{ "revoked", revoked },
		{ "ordinary-vm", ordinary_vm },
	};

	igt_fixture() {
		vmm_require(KVM_X86_SW_PROTECTED_VM);
		iommufd = iommufd_open();
		vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	}

	subtests(tests, NULL, NULL);

	igt_fixture() {
		guest_close(&guest);
		close_fd(&fd);
		vfio_close(&shm);
		close(iommufd);
	}
}
