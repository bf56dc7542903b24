// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm bad
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: bad arguments of memory slots
 * Description: What KVM must refuse about slots of dma-bufs, the errno it does so
 *	with, and that nothing of it is left behind
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "klog.h"
#include "kvm_loop.h"
#include "memory.h"
#include "pci.h"
#include "scene.h"
#include "subtests.h"

#define SIZE MiB(4)

static struct scene scene;
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];
static int fd = -1;
static int klog = -1;
static unsigned int buffers;

/* A slot that would do */
static struct kvm_userspace_memory_region2 good(void)
{
	return (struct kvm_userspace_memory_region2) {
		.slot = 1,
		.flags = KVM_MEM_DMABUF,
		.guest_phys_addr = BASE,
		.memory_size = SIZE,
		.guest_memfd = (uint32_t)fd,
	};
}

static void begin(void)
{
	guest_close(&guest);
	close_fd(&fd);
	vfio_memory_enable(&scene.shm, true);
	buffers = dmabuf_count();
	guest_open(&guest, KVM_X86_DEFAULT_VM, 1);
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, SIZE);
	klog_count(klog, NULL);
}

/* The VM is as good as new, and the buffer goes when its fd and the slot do */
static void end(void)
{
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vcpu_store(vcpu, BASE + PAGE, 8, 0x600d);
	igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar + PAGE), 0x600d);
	vmm_delete(&guest.vmm, 1);
	close_fd(&fd);
	dmabuf_expect_count(buffers);
	guest_close(&guest);
	/* User space can do all this as often as it likes */
	igt_assert_eq(klog_count(klog, NULL), 0);
}

#define refused(error, field, value) \
	do { \
		struct kvm_userspace_memory_region2 region = good(); \
		int ret; \
		\
		region.field = (value); \
		ret = __vmm_region(&guest.vmm, &region); \
		igt_assert_f(ret == -(error), \
			     #field " = " #value ": %s instead of %s\n", \
			     ret ? strerror(-ret) : "success", \
			     strerror(error)); \
		vcpu_expect_nothing(vcpu, BASE); \
	} while (0)

/**
 * SUBTEST: slice
 * Description: Offset or size unaligned, beyond the end, or overflowing
 */
static void slices(void)
{
	static const struct {
		uint64_t offset, size;
	} beyond[] = {
		{ 0, SIZE + PAGE }, { PAGE, SIZE }, { SIZE, PAGE },
		{ SIZE - PAGE, 2 * PAGE }, { 0, GiB(1) },
		{ GiB(1), PAGE }, { 0 - PAGE, PAGE }, { 0 - PAGE, 2 * PAGE },
		{ 0 - SIZE, SIZE }, { INT64_MAX & ~(PAGE - 1), PAGE },
	};
	size_t i;

	refused(EINVAL, guest_memfd_offset, 1);
	refused(EINVAL, guest_memfd_offset, 512);
	refused(EINVAL, guest_memfd_offset, PAGE - 1);
	refused(EINVAL, guest_memfd_offset, UINT64_MAX);
	refused(EINVAL, memory_size, 1);
	refused(EINVAL, memory_size, SIZE - 1);
	refused(EINVAL, memory_size, SIZE + 512);
	refused(EINVAL, memory_size, UINT64_MAX);
	refused(EINVAL, memory_size, 0 - PAGE);
	/* Deletes, but there is none */
	refused(EINVAL, memory_size, 0);
	for (i = 0; i < ARRAY_SIZE(beyond); i++)
		igt_assert_f(__vmm_dmabuf(&guest.vmm, 1, BASE, fd,
					  beyond[i].offset, beyond[i].size) ==
			     -EINVAL,
			     "0x%" PRIx64 " bytes at 0x%" PRIx64 " of 0x%" PRIx64 " are not refused\n",
			     beyond[i].size, beyond[i].offset, (uint64_t)SIZE);
}

/**
 * SUBTEST: address
 * Description: Guest addresses and slot numbers that no slot can have
 */
static void addresses(void)
{
	refused(EINVAL, guest_phys_addr, BASE + 1);
	refused(EINVAL, guest_phys_addr, BASE + 512);
	refused(EINVAL, guest_phys_addr, 0 - PAGE);
	refused(EINVAL, slot, 0xffff);
	refused(EINVAL, slot, 0xffff0001u);
}

/**
 * SUBTEST: flags
 * Description: Flags that make no sense for a BAR; a VMM address; the older ioctl,
 *	which has no field for a dma-buf
 */
static void flags(void)
{
	struct kvm_userspace_memory_region old = {
		.slot = 1, .flags = KVM_MEM_DMABUF, .guest_phys_addr = BASE,
		.memory_size = SIZE,
	};

	refused(EINVAL, flags, KVM_MEM_DMABUF | KVM_MEM_READONLY);
	refused(EINVAL, flags, KVM_MEM_DMABUF | KVM_MEM_LOG_DIRTY_PAGES);
	refused(EINVAL, flags, KVM_MEM_DMABUF | KVM_MEM_GUEST_MEMFD);
	refused(EINVAL, flags, KVM_MEM_DMABUF | 1u << 4);
	refused(EINVAL, flags, KVM_MEM_DMABUF | 1u << 16);
	refused(EINVAL, flags, KVM_MEM_DMABUF | 1u << 17);
	refused(EINVAL, flags, UINT32_MAX);
	refused(EINVAL, userspace_addr, (uintptr_t)scene.bar);
	refused(EINVAL, userspace_addr, PAGE);
	refused(EINVAL, userspace_addr, 1);
	igt_assert_eq(ioctl(guest.vmm.fd, KVM_SET_USER_MEMORY_REGION, &old), -1);
	igt_assert_eq(errno, EINVAL);
}

/**
 * SUBTEST: fd
 * Description: No fd, a closed one, one of another kind
 */
static void fds(void)
{
	int closed = open("/dev/null", O_RDWR | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int path = open("/", O_PATH | O_CLOEXEC);
	int memfd = sealed_memfd(SIZE);

	igt_assert_fd(closed);
	igt_assert_fd(null);
	igt_assert_fd(path);
	close(closed);
	refused(EBADF, guest_memfd, UINT32_MAX);
	refused(EBADF, guest_memfd, 1u << 20);
	refused(EBADF, guest_memfd, (uint32_t)closed);
	refused(EBADF, guest_memfd, (uint32_t)path);
	refused(EINVAL, guest_memfd, (uint32_t)null);
	refused(EINVAL, guest_memfd, (uint32_t)memfd);
	refused(EINVAL, guest_memfd, (uint32_t)guest.vmm.fd);
	refused(EINVAL, guest_memfd, (uint32_t)vcpu->fd);
	refused(EINVAL, guest_memfd, (uint32_t)scene.shm.fd);
	close(null);
	close(path);
	close(memfd);
}

/**
 * SUBTEST: no-list
 * Description: Dma-bufs without a physical list: EOPNOTSUPP
 */
static void no_list(void)
{
	int heap = heap_dmabuf(SIZE);

	refused(EOPNOTSUPP, guest_memfd, (uint32_t)heap);
	refused(EOPNOTSUPP, guest_memfd, (uint32_t)heap);
	close(heap);
}

/**
 * SUBTEST: dead
 * Description: The exporter is gone: ENODEV
 */
static void dead(void)
{
	vfio_close(&scene.shm);
	/* Resets are logged, whoever has the buffer */
	klog_count(klog, NULL);
	refused(ENODEV, guest_memfd, (uint32_t)fd);
	close_fd(&fd);
	dmabuf_expect_count(buffers);
	igt_assert_eq(klog_count(klog, NULL), 0);
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, SIZE);
	klog_count(klog, NULL);
}

/**
 * SUBTEST: read-only
 * Description: A dma-buf opened without O_RDWR: EACCES, in every type of VM, even
 *	while revoked
 */
static void read_only(void)
{
	struct vfio_region_dma_range range = { 0, SIZE };
	struct vfio_device_feature_dma_buf head = {
		.region_index = SHM_BAR,
		.open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 1,
	};
	int other = __vfio_dmabuf_raw(&scene.shm, &head, &range, 1);
	struct vmm vmm;

	igt_assert_fd(other);
	guard_fill(scene.bar, 0, SIZE);
	refused(EACCES, guest_memfd, (uint32_t)other);
	close(other);
	/* The guest could read as well */
	head.open_flags = O_WRONLY | O_CLOEXEC;
	other = __vfio_dmabuf_raw(&scene.shm, &head, &range, 1);
	igt_assert_fd(other);
	refused(EACCES, guest_memfd, (uint32_t)other);
	close(other);
	head.open_flags = O_RDONLY | O_CLOEXEC;
	other = __vfio_dmabuf_raw(&scene.shm, &head, &range, 1);
	igt_assert_fd(other);
	/* What the descriptor says later is not what it was made with */
	igt_assert_eq(fcntl(other, F_SETFL, O_RDWR), 0);
	refused(EACCES, guest_memfd, (uint32_t)other);
	vfio_memory_enable(&scene.shm, false);
	refused(EACCES, guest_memfd, (uint32_t)other);
	vfio_memory_enable(&scene.shm, true);
	if (!__vmm_open(&vmm, KVM_X86_SW_PROTECTED_VM)) {
		igt_assert_eq(__vmm_dmabuf(&vmm, 1, BASE, other, 0, SIZE),
			      -EACCES);
		vmm_close(&vmm);
	}
	close(other);
	guard_check(scene.bar, 0, SIZE);
}

/**
 * SUBTEST: overlap
 * Description: A slot that overlaps another, whether of dma-bufs or not: EEXIST
 */
static void overlap(void)
{
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(mem != MAP_FAILED);
	vmm_dmabuf(&guest.vmm, 2, BASE, fd, 0, SIZE);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE), -EEXIST);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 1, BASE + SIZE - PAGE, fd, 0,
				   SIZE), -EEXIST);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 1, BASE - PAGE, fd, 0,
				   2 * PAGE), -EEXIST);
	igt_assert_eq(__vmm_memory(&guest.vmm, 1, BASE + PAGE, mem, PAGE),
		      -EEXIST);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 1, 0, fd, 0, PAGE), -EEXIST);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 1, BASE + SIZE, fd, 0, SIZE), 0);
	vcpu_store(vcpu, BASE + SIZE, 8, 1);
	igt_assert_eq_u64(vcpu_load(vcpu, BASE, 8), 1);
	vmm_delete(&guest.vmm, 1);
	vmm_delete(&guest.vmm, 2);
	munmap(mem, SIZE);
}

/**
 * SUBTEST: change
 * Description: A slot cannot be changed, only deleted: EINVAL for everything else,
 *	including setting it again unchanged
 */
static void change(void)
{
	struct kvm_userspace_memory_region2 region = good(), other;
	int second = vfio_dmabuf_one(&scene.shm, SHM_BAR, SIZE, SIZE);
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

#define unchangeable(field, value) \
	do { \
		other = region; \
		other.field = (value); \
		igt_assert_f(__vmm_region(&guest.vmm, &other) == -EINVAL, \
			     #field " can be changed\n"); \
	} while (0)

	igt_assert(mem != MAP_FAILED);
	igt_assert_eq(__vmm_region(&guest.vmm, &region), 0);
	unchangeable(flags, KVM_MEM_DMABUF);
	unchangeable(guest_phys_addr, BASE + GiB(1));
	unchangeable(guest_phys_addr, BASE + PAGE);
	unchangeable(memory_size, SIZE - PAGE);
	unchangeable(guest_memfd_offset, PAGE);
	unchangeable(guest_memfd, (uint32_t)second);
	unchangeable(guest_memfd, UINT32_MAX);
	unchangeable(flags, KVM_MEM_DMABUF | KVM_MEM_LOG_DIRTY_PAGES);
	unchangeable(flags, KVM_MEM_DMABUF | KVM_MEM_READONLY);
	/* Into ordinary memory, read-only, logged; and that at address 0 */
	igt_assert_eq(__vmm_memory(&guest.vmm, 1, BASE, mem, SIZE), -EINVAL);
	unchangeable(flags, 0);
	unchangeable(flags, KVM_MEM_LOG_DIRTY_PAGES);
	unchangeable(flags, KVM_MEM_READONLY);
	other = region;
	other.flags = 0;
	other.guest_phys_addr = BASE + GiB(1);
	igt_assert_eq(__vmm_region(&guest.vmm, &other), -EINVAL);
	vcpu_store(vcpu, BASE, 8, 0xa11);
	igt_assert_eq_u64(*(volatile uint64_t *)scene.bar, 0xa11);
	vmm_delete(&guest.vmm, 1);

	/* Nor does ordinary memory become a dma-buf */
	igt_assert_eq(__vmm_memory(&guest.vmm, 1, BASE, mem, SIZE), 0);
	igt_assert_eq(__vmm_region(&guest.vmm, &region), -EINVAL);
	vcpu_store(vcpu, BASE, 8, 0xb22);
	igt_assert_eq_u64(*(volatile uint64_t *)mem, 0xb22);
	vmm_delete(&guest.vmm, 1);
	munmap(mem, SIZE);
	close(second);
}

/**
 * SUBTEST: dirty-log
 * Description: Dirty logging is not available
 */
static void dirty_log(void)
{
	uint64_t bitmap[SIZE / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vcpu_store(vcpu, BASE, 8, 1);
	igt_assert_eq(ioctl(guest.vmm.fd, KVM_GET_DIRTY_LOG, &log), -1);
	igt_assert_eq(errno, ENOENT);
	vmm_delete(&guest.vmm, 1);
}

/**
 * SUBTEST: private
 * Description: A VM without private memory can neither make a slot private nor set
 *	attributes
 */
static void private(void)
{
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	igt_assert(__vmm_convert(&guest.vmm, BASE, SIZE, true));
	vcpu_store(vcpu, BASE, 8, 1);
	vmm_delete(&guest.vmm, 1);
}

/**
 * SUBTEST: capability
 * Description: The VM reports the capability, as does every VM of a type that
 *	supports such slots. A VM of any other type available here reports none and
 *	refuses them: EOPNOTSUPP
 */
static void capability(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), types;
	struct vmm vmm = { 0 };
	unsigned int type;

	igt_assert_eq(vmm_has(&guest.vmm, KVM_CAP_MEMORY_DMABUF), 1);
	igt_assert_fd(kvm);
	igt_assert_eq(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_DMABUF), 1);
	types = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	for (type = 0; type < 31; type++) {
		bool good = type == KVM_X86_DEFAULT_VM ||
			    type == KVM_X86_SW_PROTECTED_VM;

		vmm.fd = types & 1 << type ? ioctl(kvm, KVM_CREATE_VM, type) :
					     -1;
		if (vmm.fd < 0)
			continue;
		igt_info("VMs of type %u: %s\n", type,
			 good ? "yes" : "refused");
		igt_assert_eq(vmm_has(&vmm, KVM_CAP_MEMORY_DMABUF), good);
		igt_assert_eq(__vmm_dmabuf(&vmm, 1, BASE, fd, 0, SIZE),
			      good ? 0 : -EOPNOTSUPP);
		close(vmm.fd);
	}
	close(kvm);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "capability", capability },
		{ "slice", slices },
		{ "address", addresses },
		{ "flags", flags },
		{ "fd", fds },
		{ "no-list", no_list },
		{ "dead", dead },
		{ "read-only", read_only },
		{ "overlap", overlap },
		{ "change", change },
		{ "dirty-log", dirty_log },
		{ "private", private },
	};

	igt_fixture() {
		klog_no_other_faults();
		vmm_require(KVM_X86_DEFAULT_VM);
		scene_open(&scene);
		klog = klog_open();
	}

	subtests(tests, begin, end);

	igt_fixture() {
		guest_close(&guest);
		close(klog);
		scene_close(&scene);
	}
}
