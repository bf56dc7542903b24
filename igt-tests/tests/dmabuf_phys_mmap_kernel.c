// SPDX-License-Identifier: MIT
/*
 * What the kernel does with a mapping on behalf of a program: it may copy through
 * it, an access like the program's own, but must not get hold of the pages behind
 * it. Part of dmabuf_phys_mmap, where the comments of its subtests are.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "kvm.h"
#include "memory.h"
#include "mmap_scene.h"
#include "ranges.h"
#include "scene.h"
#include "subtests.h"

#define LENGTH MiB(1)

/*
 * The ways: 8 bytes out of @at, or into it. Return: 0 or -errno.
 */
static int pipes[2], memory_file;

static int by_write(void *at)
{
	uint64_t word;

	if (write(pipes[1], at, 8) != 8)
		return -errno;
	return read(pipes[0], &word, 8) == 8 ? 0 : -errno;
}

static int by_read(void *at)
{
	uint64_t word = 0x5e1f;

	igt_assert_eq((int)write(pipes[1], &word, 8), 8);
	if (read(pipes[0], at, 8) == 8)
		return 0;
	igt_assert_eq(errno, EFAULT);
	/* Whether or not it is still in there */
	while (read(pipes[0], &word, 8) > 0)
		;
	return -EFAULT;
}

static int by_vmsplice(void *at)
{
	struct iovec piece = { at, 8 };
	uint64_t word;

	if (vmsplice(pipes[1], &piece, 1, 0) != 8)
		return -errno;
	return read(pipes[0], &word, 8) == 8 ? 0 : -errno;
}

/* As a debugger does */
static int by_memory_file_out(void *at)
{
	uint64_t word;

	return pread(memory_file, &word, 8, (off_t)(uintptr_t)at) == 8 ? 0 :
									 -errno;
}

static int by_memory_file_in(void *at)
{
	uint64_t word = 0x5e1f;

	return pwrite(memory_file, &word, 8, (off_t)(uintptr_t)at) == 8 ?
		       0 : -errno;
}

static int by_process_vm_readv(void *at)
{
	struct iovec there = { at, 8 }, here;
	uint64_t word;

	here = (struct iovec) { &word, 8 };
	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 8 ? 0 :
									 -errno;
}

static int by_process_vm_writev(void *at)
{
	struct iovec there = { at, 8 }, here;
	uint64_t word = 0x5e1f;

	here = (struct iovec) { &word, 8 };
	return process_vm_writev(getpid(), &here, 1, &there, 1, 0) == 8 ? 0 :
									  -errno;
}

/* The file this program is read from: 9p reads into the pages themselves */
static int by_direct_read(void *at)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_DIRECT | O_CLOEXEC), ret;

	igt_assert_fd(fd);
	ret = pread(fd, at, PAGE, 0) == (ssize_t)PAGE ? 0 : -errno;
	close(fd);
	return ret;
}

static int by_fixed_buffer(void *at)
{
	struct io_uring_params params = { 0 };
	struct iovec buffer = { at, PAGE };
	int fd = (int)syscall(SYS_io_uring_setup, 1, &params), ret;

	igt_assert_fd(fd);
	ret = (int)syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS,
			   &buffer, 1);
	ret = ret < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* A device's address space, from the program's memory */
static int by_iommufd(void *at)
{
	uint32_t ioas = ioas_alloc(iommufd);
	uint64_t iova = BASE;
	int ret;

	vfio_attach(&nvme1, ioas);
	ret = __ioas_map(iommufd, ioas, at, PAGE, &iova);
	vfio_detach(&nvme1);
	iommufd_destroy(iommufd, ioas);
	return ret;
}

static const struct way {
	const char *name;
	int (*go)(void *at);
	/* What it says to a mapping of a dma-buf; to ordinary memory, nothing */
	int live, revoked;
} ways[] = {
	{ "write", by_write, 0, -EFAULT },
	{ "read", by_read, 0, -EFAULT },
	{ "vmsplice", by_vmsplice, -EFAULT, -EFAULT },
	{ "mem-out", by_memory_file_out, -EIO, -EIO },
	{ "mem-in", by_memory_file_in, -EIO, -EIO },
	{ "process-vm-readv", by_process_vm_readv, -EFAULT, -EFAULT },
	{ "process-vm-writev", by_process_vm_writev, -EFAULT, -EFAULT },
	{ "direct", by_direct_read, -EFAULT, -EFAULT },
	{ "fixed-buffer", by_fixed_buffer, -EFAULT, -EFAULT },
	{ "iommufd", by_iommufd, -EFAULT, -EFAULT },
};

static void expect(const struct way *way, const char *what, void *at, int ret)
{
	int is = way->go(at);

	igt_assert_f(is == ret, "%s, %s: %s instead of %s\n", way->name, what,
		     strerror(-is), strerror(-ret));
}

static void system_call(const struct way *way)
{
	void *ordinary = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *mapped;

	begin();
	with_one(0, LENGTH);
	igt_assert(ordinary != MAP_FAILED);
	mapped = cpu_map(dmabuf, NULL, LENGTH, 0);
	guard_fill(bar, 0, LENGTH);
	expect(way, "ordinary memory", ordinary, 0);
	expect(way, "never touched", mapped, way->live);
	igt_assert_eq_u64(cpu_load(mapped + PAGE), guard_word(PAGE));
	expect(way, "touched", mapped + PAGE, way->live);
	if (way->live)
		guard_check(bar, 0, LENGTH);
	guard_fill(bar, 0, LENGTH);

	vfio_memory_enable(&shm, false);
	expect(way, "revoked", mapped, way->revoked);
	expect(way, "revoked, touched before", mapped + PAGE, way->revoked);
	expect(way, "revoked, never touched", mapped + 2 * PAGE, way->revoked);
	vfio_memory_enable(&shm, true);
	guard_check(bar, 0, LENGTH);
	expect(way, "restored", mapped + PAGE, way->live);
	munmap(mapped, LENGTH);
	munmap(ordinary, PAGE);
}

static void copies(void)
{
	uint8_t *mapped;

	with_one(0, LENGTH);
	mapped = cpu_map(dmabuf, NULL, LENGTH, 0);
	cpu_store(bar, 0xfeed);
	dmabuf_sync_access(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
	igt_assert_eq((int)write(pipes[1], mapped, 8), 8);
	igt_assert_eq((int)read(pipes[0], mapped + PAGE, 8), 8);
	igt_assert_eq_u64(cpu_load(bar + PAGE), 0xfeed);
	munmap(mapped, LENGTH);
}

static void guest(void)
{
	const uint64_t gpa = GiB(1);
	struct vcpu vcpu = { .fd = -1 };
	struct vmm vmm = { .fd = -1 };
	uint8_t *mapped;
	int i;

	with_one(0, LENGTH);
	guard_fill(bar, 0, LENGTH);
	mapped = cpu_map(dmabuf, NULL, LENGTH, 0);
	vmm_open(&vmm, KVM_X86_DEFAULT_VM);
	igt_assert_eq(__vmm_memory(&vmm, 1, gpa, mapped, LENGTH), 0);
	vcpu_open(&vcpu, &vmm, 0);
	for (i = 0; i < 3; i++) {
		vcpu_store(&vcpu, gpa + 64, 8, 0x9e57 + (uint64_t)i);
		igt_assert_eq_u64(cpu_load(bar + 64), 0x9e57 + (uint64_t)i);
		cpu_store(bar + 64, guard_word(64));
		vfio_memory_enable(&shm, false);
		igt_assert_neq(vcpu_try_store(&vcpu, gpa + 64, 8, 0xbad),
			       VCPU_DONE);
		igt_assert_neq(vcpu_try_load(&vcpu, gpa + 2 * PAGE, 8),
			       VCPU_DONE);
		vfio_memory_enable(&shm, true);
		guard_check(bar, 0, LENGTH);
	}
	munmap(mapped, LENGTH);
	igt_assert_neq(vcpu_try_store(&vcpu, gpa + 64, 8, 0xbad), VCPU_DONE);
	guard_check(bar, 0, LENGTH);
	vcpu_close(&vcpu);
	vmm_close(&vmm);
}

static const struct subtest tests[] = {
	{ "copies", copies },
	{ "guest", guest },
};

void mmap_kernel_subtests(void)
{
	static size_t i;

	igt_fixture() {
		memory_file = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
		igt_assert_fd(memory_file);
		igt_assert_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	}

	igt_subtest_with_dynamic("system-calls") {
		for (i = 0; i < ARRAY_SIZE(ways); i++)
			igt_dynamic(ways[i].name)
				system_call(&ways[i]);
	}

	subtests(tests, begin, NULL);

	igt_fixture() {
		close(memory_file);
		close(pipes[0]);
		close(pipes[1]);
	}
}
