// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: memory slots
 * Description: A guest has slices of a BAR as memory, with no mapping by the VMM: what
 *	it stores is where it belongs in the BAR, and nothing else is touched
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kernel-page-flags.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "cpu_tables.h"
#include "igt_core.h"
#include "klog.h"
#include "kvm_loop.h"
#include "memory.h"
#include "module.h"
#include "pci.h"
#include "scene.h"
#include "subtests.h"

#define NR 4u
#define FRAG (2 * PAGE)
#define SIZE (NR * FRAG)
#define WINDOW (2 * SIZE)
#define SEED 0x9e57000000000000ull

static struct scene scene;
static struct vfio_device nvme1;	/* exporter with two BARs */
static struct guest guest, other;
static struct vcpu *const vcpu = &guest.vcpu[0];
static struct vfio_region_dma_range *ranges;
static int fd = -1;

/* Every subtest begins with a new VM and a BAR full of the guard pattern */
static void begin(void)
{
	guest_close(&other);
	guest_open(&guest, KVM_X86_DEFAULT_VM, 2);
	guard_fill(scene.bar, 0, WINDOW);
	close_fd(&fd);
	fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
}

/*
 * Compare a part of the BAR: a slice has the pattern of a seed, everything else
 * the guard's
 */
static void check_bar(const struct vfio_region_dma_range *rs, size_t nr,
		      uint64_t start, uint64_t length, uint64_t window)
{
	uint64_t *owner = calloc(window / PAGE, sizeof(*owner));
	uint64_t page, at = 0, i;
	size_t r;

	igt_assert(owner);
	for (r = 0; r < nr; r++)
		for (page = 0; page < rs[r].length; page += PAGE, at += PAGE)
			if (at >= start && at - start < length)
				owner[(rs[r].offset + page) / PAGE] =
					at - start + 1;
	for (page = 0; page < window; page += PAGE) {
		const volatile uint64_t *words =
			(const uint64_t *)(scene.bar + page);
		uint64_t offset = owner[page / PAGE];

		if (!offset) {
			guard_check(scene.bar, page, PAGE);
			continue;
		}
		for (i = 0; i < PAGE; i += 8)
			igt_assert_eq_u64(*words++, SEED + offset - 1 + i);
	}
	free(owner);
}

/**
 * SUBTEST: single-accesses
 * Description: 1 to 8 bytes, at, before and across the borders of pages and ranges,
 *	at once and byte by byte
 */
static void single_accesses(void)
{
	static const uint64_t offsets[] = { 0, 13, PAGE - 8, FRAG - 8,
					    FRAG - 3, FRAG, SIZE - 8 };
	uint8_t *expected = malloc(WINDOW), data[8], back[8];
	uint64_t word = 0x0102030405060708ull, at;
	size_t i, size, b;

	igt_assert(expected);
	memcpy(expected, scene.bar, WINDOW);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (size = 1; size <= 8; size++) {
			at = offsets[i];
			word = word * 0x5851f42d4c957f2dull + 1;
			memcpy(data, &word, sizeof(data));
			if (size & (size - 1)) {
				vcpu_write(vcpu, BASE + at, data, size);
				vcpu_read(vcpu, BASE + at, back, size);
			} else {
				uint64_t loaded;

				vcpu_store(vcpu, BASE + at, size, word);
				loaded = vcpu_load(vcpu, BASE + at, size);
				memcpy(back, &loaded, sizeof(back));
			}
			igt_assert(!memcmp(data, back, size));
			for (b = 0; b < size; b++)
				expected[ranges_find(ranges, NR, at + b)] =
					data[b];
		}
	}
	igt_assert(!memcmp(scene.bar, expected, WINDOW));
	free(expected);
}

static void slice(uint64_t start, uint64_t length)
{
	uint64_t at;

	guard_fill(scene.bar, 0, WINDOW);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, start, length);
	vcpu_expect_nothing(vcpu, BASE - 8);
	vcpu_expect_nothing(vcpu, BASE + length);
	vcpu_fill(vcpu, BASE, length, SEED, 8);
	check_bar(ranges, NR, start, length, WINDOW);

	guard_fill(scene.bar, 0, WINDOW);
	for (at = 0; at < length; at += PAGE)
		vcpu_check(vcpu, BASE + at, PAGE,
			   guard_word(ranges_find(ranges, NR, start + at)), 8);
	vmm_delete(&guest.vmm, 1);
	vcpu_expect_nothing(vcpu, BASE);
}

/**
 * SUBTEST: slices
 * Description: Slices that start and end at, before, behind and inside ranges: the
 *	guest's pattern is in the slice, in order, and nowhere else; what the host
 *	writes the guest reads; beside the slot there is nothing
 */
static void slices(void)
{
	static const uint64_t starts[] = { 0, PAGE, FRAG, FRAG + PAGE,
					   SIZE - FRAG };
	static const uint64_t lengths[] = { PAGE, FRAG, FRAG + PAGE, 2 * FRAG };
	size_t s, l;

	for (s = 0; s < ARRAY_SIZE(starts); s++)
		for (l = 0; l < ARRAY_SIZE(lengths); l++)
			if (starts[s] + lengths[l] <= SIZE)
				slice(starts[s], lengths[l]);
	slice(0, SIZE);
	slice(PAGE, SIZE - 2 * PAGE);
}

/**
 * SUBTEST: slots
 * Description: Several slots of one buffer at once, some of the same slice
 */
static void several_slots(void)
{
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vmm_dmabuf(&guest.vmm, 2, BASE + SIZE, fd, 0, SIZE);
	vmm_dmabuf(&guest.vmm, 3, BASE + GiB(1), fd, FRAG + PAGE, FRAG);
	vmm_dmabuf(&guest.vmm, 4, BASE + GiB(200), fd, FRAG, 2 * FRAG);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	vcpu_check(vcpu, BASE + SIZE, SIZE, SEED, 8);
	vcpu_check(vcpu, BASE + GiB(1), FRAG, SEED + FRAG + PAGE, 8);
	vcpu_check(vcpu, BASE + GiB(200), 2 * FRAG, SEED + FRAG, 8);
	/* The others live on */
	vmm_delete(&guest.vmm, 1);
	vcpu_expect_nothing(vcpu, BASE + SIZE - 8);
	vcpu_store(vcpu, BASE + GiB(1), 8, 1);
	igt_assert_eq_u64(vcpu_load(vcpu, BASE + GiB(200) + PAGE, 8), 1);
	igt_assert_eq_u64(vcpu_load(vcpu, BASE + SIZE + FRAG + PAGE, 8), 1);
	vcpu_store(vcpu, BASE + GiB(1), 8, SEED + FRAG + PAGE);
	check_bar(ranges, NR, 0, SIZE, WINDOW);
}

/**
 * SUBTEST: many-slots
 * Description: 500 slots of a page each, in another order than the buffer
 */
static void many_slots(void)
{
	int big = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, 500 * PAGE);
	uint32_t i;

	guard_fill(scene.bar, 0, 501 * PAGE);
	for (i = 0; i < 500; i++)
		vmm_dmabuf(&guest.vmm, 1 + i, BASE + i * PAGE, big,
			   (499 - i) * PAGE, PAGE);
	close(big);
	for (i = 0; i < 500; i++)
		vcpu_check(vcpu, BASE + i * PAGE, PAGE,
			   guard_word((499 - i) * PAGE), 8);
	vcpu_fill(vcpu, BASE, 500 * PAGE, SEED, PAGE);
	for (i = 0; i < 500; i++)
		igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar +
							 (499 - i) * PAGE),
				  SEED + i * PAGE);
	guard_check(scene.bar, 500 * PAGE, PAGE);
	/* All at once, by the end of the VM */
	guest_close(&guest);
}

/**
 * SUBTEST: bars
 * Description: A slot over two BARs
 */
static void two_bars(void)
{
	const volatile uint64_t *regs = vfio_map_bar(&nvme1, 0);
	uint8_t *cmb = vfio_map_bar(&nvme1, 2);
	int both = vfio_dmabuf_two_bars(&nvme1, 2, MiB(1), 0, 0);

	vmm_dmabuf(&guest.vmm, 1, BASE, both, 0, 2 * PAGE);
	close(both);
	vcpu_store(vcpu, BASE + PAGE - 8, 8, SEED);
	igt_assert_eq_u64(*(volatile uint64_t *)(cmb + MiB(1) + PAGE - 8),
			  SEED);
	/* The controller's capabilities */
	igt_assert_eq_u64(vcpu_load(vcpu, BASE + PAGE, 8), regs[0]);
}

/**
 * SUBTEST: two-vms
 * Description: Two VMs with slots of one buffer see each other's stores; destroying
 *	one does not affect the other
 */
static void two_vms(void)
{
	guest_open(&other, KVM_X86_DEFAULT_VM, 1);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vmm_dmabuf(&other.vmm, 7, BASE + GiB(3), fd, PAGE, SIZE - PAGE);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	vcpu_check(&other.vcpu[0], BASE + GiB(3), SIZE - PAGE, SEED + PAGE, 8);
	vcpu_expect_nothing(&other.vcpu[0], BASE);
	vcpu_store(&other.vcpu[0], BASE + GiB(3), 8, 42);
	igt_assert_eq_u64(vcpu_load(vcpu, BASE + PAGE, 8), 42);
	guest_close(&other);
	vcpu_store(vcpu, BASE + PAGE, 8, SEED + PAGE);
	check_bar(ranges, NR, 0, SIZE, WINDOW);
}

/**
 * SUBTEST: two-vcpus
 * Description: Two vCPUs write through two slots at once
 */
static void two_vcpus(void)
{
	int big = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, MiB(4));

	vmm_dmabuf(&guest.vmm, 1, BASE, big, 0, MiB(2));
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), big, MiB(2), MiB(2));
	close(big);
	vcpu_loop_start(&guest.loop[0], vcpu, BASE, 1024, 64);
	vcpu_loop_start(&guest.loop[1], &guest.vcpu[1], BASE + GiB(1), 512,
			PAGE);
	vcpu_loop_wait_done(&guest.loop[0]);
	vcpu_loop_wait_done(&guest.loop[1]);
	vcpu_loop_stop(&guest.loop[0]);
	vcpu_loop_stop(&guest.loop[1]);
	igt_assert_eq_u64(vcpu_loop_faults(&guest.loop[0]), 0);
	vcpu_loop_compare(&guest.loop[0], scene.bar);
	vcpu_loop_compare(&guest.loop[1], scene.bar + MiB(2));
}

/**
 * SUBTEST: fd-closed
 * Description: The slot keeps the buffer, not the fd
 */
static void fd_closed(void)
{
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	close_fd(&fd);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	check_bar(ranges, NR, 0, SIZE, WINDOW);
	vfio_memory_enable(&scene.shm, false);
	vcpu_expect_fault(vcpu, BASE, 0);
	vfio_memory_enable(&scene.shm, true);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
}

/**
 * SUBTEST: recreate
 * Description: A slot deleted and created again, of other slices, buffers and
 *	ordinary memory: the guest sees the current one
 */
static void recreate(void)
{
	uint64_t *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), page;
	unsigned int i;

	igt_assert(mem != MAP_FAILED);
	guard_fill(mem, 0, SIZE);
	for (i = 0; i < 64; i++) {
		page = i % (SIZE / PAGE) * PAGE;
		vmm_dmabuf(&guest.vmm, 1, BASE, fd, page, SIZE - page);
		vcpu_check(vcpu, BASE, PAGE,
			   guard_word(ranges_find(ranges, NR, page)), 8);
		vmm_delete(&guest.vmm, 1);
		if (i % 4 == 1)
			vcpu_expect_nothing(vcpu, BASE);
		if (i % 4)
			continue;
		igt_assert_eq(__vmm_memory(&guest.vmm, 1, BASE, mem, SIZE), 0);
		vcpu_check(vcpu, BASE, SIZE, guard_word(0), 8);
		vcpu_store(vcpu, BASE, 8, guard_word(0));
		vmm_delete(&guest.vmm, 1);
	}
	munmap(mem, SIZE);
	guard_check(scene.bar, 0, WINDOW);
}

/* How often KVM has made a page of a guest, of whichever */
static uint64_t pages_made(void)
{
	FILE *file = fopen("/sys/kernel/debug/kvm/pf_fixed", "re");
	uint64_t made;

	igt_assert(file);
	igt_assert_eq(fscanf(file, "%" SCNu64, &made), 1);
	fclose(file);
	return made;
}

/**
 * SUBTEST: emulated
 * Description: KVM has no mapping through which it could emulate an access: what a
 *	string instruction copies from nothing to the BAR comes to the VMM, whose own
 *	memory is left alone even where the slot would be if its address were 0. Nor
 *	does the guest lose a page when the VMM unmaps that
 */
static void emulated(void)
{
	unsigned int reads = 0, writes = 0;
	uint64_t made;
	uint8_t *low = mmap((void *)PAGE, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			    -1, 0);

	igt_assert_f(low == (void *)PAGE,
		     "cannot map memory at a low address: %s\n",
		     strerror(errno));
	guard_fill(low, 0, PAGE);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	vcpu_touch(vcpu, BASE, SIZE);
	vcpu_begin(vcpu, guest_copy, BASE + PAGE, 4, BASE + GiB(1), 0);
	while (vcpu_run(vcpu) == VCPU_MMIO) {
		if (vcpu->run->mmio.is_write) {
			igt_assert_eq_u64(vcpu->run->mmio.phys_addr,
					  BASE + PAGE + writes);
			writes += vcpu->run->mmio.len;
		} else {
			igt_assert_eq_u64(vcpu->run->mmio.phys_addr,
					  BASE + GiB(1) + reads);
			reads += vcpu->run->mmio.len;
		}
	}
	igt_assert_f(vcpu->end == VCPU_DONE, "%s\n", vcpu_ended(vcpu));
	igt_assert_eq(reads, 4);
	igt_assert_eq(writes, 4);
	guard_check(low, 0, PAGE);
	vcpu_touch(vcpu, BASE, SIZE);
	made = pages_made();
	munmap(low, PAGE);
	vcpu_touch(vcpu, BASE, SIZE);
	igt_assert_eq_u64(pages_made(), made);
	guard_check(scene.bar, 0, WINDOW);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	check_bar(ranges, NR, 0, SIZE, WINDOW);
}

/**
 * SUBTEST: udmabuf
 * Description: CPU memory through the same interface: a memfd's pages, whole and in
 *	slices, also after memfd and dma-buf are closed
 */
static void cpu_memory(void)
{
	int memfd = sealed_memfd(MiB(4)), dmabuf;
	uint64_t *mem = mmap(NULL, MiB(4), PROT_READ | PROT_WRITE, MAP_SHARED,
			     memfd, 0), i;

	igt_assert(mem != MAP_FAILED);
	guard_fill(mem, 0, MiB(4));
	dmabuf = __udmabuf(memfd, MiB(1), MiB(2));
	igt_assert_f(dmabuf >= 0, "udmabuf: %s\n", strerror(-dmabuf));
	close(memfd);
	vmm_dmabuf(&guest.vmm, 1, BASE, dmabuf, 0, MiB(2));
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), dmabuf, PAGE, MiB(1));
	vmm_dmabuf(&guest.vmm, 3, BASE + GiB(2), fd, 0, SIZE);
	close(dmabuf);
	vcpu_check(vcpu, BASE, MiB(2), guard_word(MiB(1)), 8);
	vcpu_fill(vcpu, BASE, MiB(2), SEED, 8);
	vcpu_check(vcpu, BASE + GiB(1), MiB(1), SEED + PAGE, 8);
	guard_check(mem, 0, MiB(1));
	guard_check(mem, MiB(3), MiB(1));
	for (i = 0; i < MiB(2); i += 8)
		igt_assert_eq_u64(mem[(MiB(1) + i) / 8], SEED + i);
	munmap(mem, MiB(4));
	vcpu_check(vcpu, BASE, MiB(2), SEED, 8);
	vcpu_check(vcpu, BASE + GiB(2), FRAG, guard_word(ranges[0].offset), 8);
}

/* How the kernel names a page that has failed, and one that it may give to anybody */
#define FAILED (1ull << KPF_HWPOISON)
#define FREE (1ull << KPF_BUDDY)

static uint64_t page_flags(uint64_t paddr)
{
	int file = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t flags = 0;

	igt_assert_f(file >= 0, "/proc/kpageflags: %s\n", strerror(errno));
	igt_assert_eq((int)pread(file, &flags, 8, (off_t)(paddr / PAGE * 8)), 8);
	close(file);
	return flags;
}

/* That a page has failed may be told at once, to all that have it mapped */
static void on_failure(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code == BUS_MCEERR_AO || info->si_code == BUS_MCEERR_AR)
		return;
	signal(sig, SIG_DFL);
	raise(sig);
}

static int fail_page(void *page)
{
	const struct sigaction action = {
		.sa_sigaction = on_failure,
		.sa_flags = SA_SIGINFO,
	};
	int ret;

	igt_assert(!sigaction(SIGBUS, &action, NULL));
	ret = madvise(page, PAGE, MADV_HWPOISON) ? -errno : 0;
	/* From here on it is told to those who access it */
	cpu_access_init();
	return ret;
}

/**
 * SUBTEST: poisoned
 * Description: The host finds that a page fails which a guest has as part of a udmabuf:
 *	the page stays what the guest has, with its own bytes, and is nobody else's, then
 *	and when the slot has gone; the VMM's own accesses fail, and the pages beside it are
 *	as they were
 */
static void poisoned(void)
{
	const uint64_t size = MiB(1), at = 5 * PAGE;
	int memfd = sealed_memfd(size), dmabuf, ret;
	uint64_t *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	uint64_t word, paddr;
	uint8_t *more;

	igt_assert(mem != MAP_FAILED);
	guard_fill(mem, 0, size);
	paddr = cpu_frame((uint8_t *)mem + at);
	igt_assert(paddr);
	dmabuf = __udmabuf(memfd, 0, size);
	igt_assert_fd(dmabuf);
	vmm_dmabuf(&guest.vmm, 1, BASE, dmabuf, 0, size);
	vcpu_check(vcpu, BASE, size, guard_word(0), 8);

	/* EBUSY: it cannot be taken from those who have pinned it */
	ret = fail_page((uint8_t *)mem + at);
	igt_require_f(ret != -EINVAL, "this kernel knows no memory that fails\n");
	igt_assert(!ret || ret == -EBUSY);
	igt_assert(page_flags(paddr) & FAILED);
	igt_assert_eq(__cpu_load((uint8_t *)mem + at, &word), -EFAULT);

	/* Whoever asks for memory does not get it */
	more = mmap(NULL, 64 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(more != MAP_FAILED);
	memset(more, 0xee, 64 * size);
	vcpu_check(vcpu, BASE, size, guard_word(0), 8);
	vcpu_store(vcpu, BASE + at, 8, SEED);
	igt_assert_eq_u64(vcpu_load(vcpu, BASE + at, 8), SEED);
	vcpu_store(vcpu, BASE + at, 8, guard_word(at));
	/* A slot that is new, of a list that was made before */
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), dmabuf, at, 2 * PAGE);
	vcpu_check(vcpu, BASE + GiB(1), 2 * PAGE, guard_word(at), 8);
	guard_check(mem, 0, at);
	guard_check(mem, at + PAGE, size - at - PAGE);

	vmm_delete(&guest.vmm, 1);
	vmm_delete(&guest.vmm, 2);
	vcpu_expect_nothing(vcpu, BASE + at);
	close(dmabuf);
	munmap(mem, size);
	close(memfd);
	munmap(more, 64 * size);
	igt_assert_eq_u64(page_flags(paddr) & (FAILED | FREE), FAILED);
}

/**
 * SUBTEST: device-dma
 * Description: The disk and edu read and write the BAR through iommufd while a
 *	guest writes to another part of it; each sees what the others have written
 */
static void device_dma(void)
{
	int big = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, MiB(4));
	struct vcpu *reader = &guest.vcpu[1];
	uint64_t disk, word;
	unsigned int i;

	scene_reset_ioas(&scene);
	ioas_map_file(scene.iommufd, scene.ioas, big, 0, MiB(4), BASE);
	vmm_dmabuf(&guest.vmm, 1, BASE + GiB(5), big, 0, MiB(4));
	close(big);
	vcpu_loop_start(&guest.loop[0], vcpu, BASE + GiB(5), 4096, 64);
	for (i = 0; i < 16; i++) {
		disk = i * MiB(1) % NVME_DISK_SIZE;
		nvme_read(&scene.nvme, disk, BASE + MiB(2), MiB(1));
		vcpu_check(reader, BASE + GiB(5) + MiB(2), MiB(1),
			   NVME_DISK_WORD(disk), 8);
		word = scene_store(&scene, BASE + MiB(3) + i * PAGE,
				   scene.bar + MiB(3) + i * PAGE);
		igt_assert_eq_u64(vcpu_load(reader, BASE + GiB(5) + MiB(3) +
						    i * PAGE, 8), word);
		vcpu_store(reader, BASE + GiB(5) + MiB(3) + i * PAGE + 8, 8,
			   ~word);
		igt_assert_eq_u64(scene_load(&scene, BASE + MiB(3) + i * PAGE +
						     8), ~word);
	}
	vcpu_loop_stop(&guest.loop[0]);
	vcpu_loop_compare(&guest.loop[0], scene.bar);
	ioas_unmap(scene.iommufd, scene.ioas, BASE, MiB(4));
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "single-accesses", single_accesses },
		{ "slices", slices },
		{ "slots", several_slots },
		{ "many-slots", many_slots },
		{ "bars", two_bars },
		{ "two-vms", two_vms },
		{ "two-vcpus", two_vcpus },
		{ "fd-closed", fd_closed },
		{ "recreate", recreate },
		{ "emulated", emulated },
		{ "udmabuf", cpu_memory },
		{ "poisoned", poisoned },
		{ "device-dma", device_dma },
	};

	igt_fixture() {
		klog_no_other_faults();
		vmm_require(KVM_X86_DEFAULT_VM);
		module_load("udmabuf");
		scene_open(&scene);
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
		ranges = ranges_scattered(NR, 0, FRAG);
	}

	subtests(tests, begin, NULL);

	igt_fixture() {
		guest_close(&other);
		guest_close(&guest);
		vfio_close(&nvme1);
		scene_close(&scene);
	}
}
