// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma life
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: order of closing
 * Description: Exporter, importer or a whole process goes while regions and transfers
 *	are left; what a region stays as long as it lives
 * Test category: functionality test
 */
#include <errno.h>
#include <rdma/ib_user_verbs.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "module.h"
#include "pci.h"
#include "rdma.h"

#define BAR 2

/* Where libibverbs is told of those that are installed */
#define PROVIDERS "/etc/libibverbs.d"

/* Long enough to be in the middle of it: 2 KiB take the engine 200 ms */
#define LONG RDMA_MEMORY
#define CHUNK KiB(2)

static struct rdma_scene scene;

/* In a child: libibverbs looks for providers once. Return: exit status */
static int child_without_provider(const char *edu)
{
	struct verbs_device device;

	unsetenv("RDMAV_DRIVERS");
	unsetenv("IBV_DRIVERS");
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    (mount("none", PROVIDERS, "tmpfs", 0, NULL) && errno != ENOENT))
		return errno;
	return -__rdma_wait_device(edu, &device);
}

/**
 * SUBTEST: no-provider
 * Description: A device that libibverbs has no provider for is not waited for
 */
static void no_provider(void)
{
	const char *edu = pci_env("DMABUF_EDU");
	struct verbs_device device;
	int status;
	pid_t pid;

	module_require("edu_ib");
	module_load("ib_uverbs");
	pci_load_driver("edu_ib");
	pci_bind(edu, "edu_ib");
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		_exit(child_without_provider(edu));
	igt_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	igt_assert_eq(WEXITSTATUS(status), ELIBACC);
	igt_assert_eq(__rdma_wait_device(edu, &device), 0);
}

/**
 * SUBTEST: exporter-closed
 * Description: The exporter is closed under a region, for good
 */
static void exporter_closed(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	struct rdma_target target = { .ranges = &range, .nr = 1 };
	int fd = vfio_dmabuf(&scene.shm, BAR, &range, 1), status;
	struct verbs_mr other;

	target.base = scene.bar;
	rdma_reg_dmabuf(&scene.rdma, fd, 0, MiB(1), &target.mr);
	guard_fill(scene.bar, 0, MiB(1));
	rdma_scene_both(&scene, &target, 1000, 100);
	vfio_close(&scene.shm);
	status = __rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE,
			     &scene.mem_mr, scene.mem_mr.iova, &target.mr, 0,
			     8);
	rdma_expect("WRITE after the exporter is gone", status,
		    IBV_WC_REM_ACCESS_ERR);
	igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, fd, 0, MiB(1), &other),
		      -ENODEV);

	/* Other buffers of the same device are not this one */
	rdma_reset(&scene.rdma);
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, BAR);
	guard_check(scene.bar, 0, MiB(1));
	status = __rdma_copy(&scene.rdma, IBV_WR_RDMA_READ,
			     &scene.mem_mr, scene.mem_mr.iova, &target.mr, 0,
			     8);
	rdma_expect("READ after the exporter is back", status,
		    IBV_WC_REM_ACCESS_ERR);
	igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, fd, 0, MiB(1), &other),
		      -ENODEV);
	rdma_target_close(&target);
	close(fd);
	rdma_reset(&scene.rdma);
	rdma_target_open(&scene, &target, &range, 1);
	rdma_scene_both(&scene, &target, 1000, 100);
	guard_check(scene.bar, 0, MiB(1));
	rdma_target_close(&target);
}

/**
 * SUBTEST: importer-closed
 * Description: A program exits with its regions; another program's stay
 */
static void importer_closed(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	int fd = vfio_dmabuf(&scene.shm, BAR, &range, 1);
	unsigned int before = rdma_regions();
	struct rdma_target target;
	struct verbs_mr mr[3];
	struct rdma other;
	int i;

	guard_fill(scene.bar, 0, MiB(1));
	rdma_target_open(&scene, &target, &range, 1);
	rdma_open(&other, pci_env("DMABUF_EDU"));
	for (i = 0; i < 3; i++)
		rdma_reg_dmabuf(&other, fd, (uint64_t)i * PAGE, PAGE, &mr[i]);
	igt_assert_eq((int)rdma_regions(), (int)before + 4);
	rdma_copy(&other, IBV_WR_RDMA_READ, &mr[0], 8, &mr[1], PAGE, 8);
	guard_fill(scene.bar, 0, PAGE);
	/* Without deregistering anything */
	rdma_close(&other);
	igt_assert_eq((int)rdma_regions(), (int)before + 1);
	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
	rdma_scene_both(&scene, &target, PAGE - 50, 100);
	guard_check(scene.bar, 0, MiB(1));
	rdma_target_close(&target);
	close(fd);
	igt_assert_eq((int)rdma_regions(), (int)before);
}

/* In a child: nothing here may end the test. Return: exit status */
static int child_writes(int fd, uint64_t at, uint32_t length)
{
	uint8_t *mem = mmap(NULL, KiB(16), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct verbs_device device;
	struct verbs_mr local, remote;
	struct rdma rdma;
	int ret;

	if (mem == MAP_FAILED || length > KiB(16))
		return 1;
	memset(mem, 0xc4, length);
	ret = __rdma_wait_device(pci_env("DMABUF_EDU"), &device);
	if (!ret)
		ret = __rdma_open(&rdma, device.name);
	if (ret)
		return 2;
	if (__verbs_reg_mr(rdma.pd, mem, length, VERBS_ACCESS_ALL,
			   &local))
		return 3;
	if (__rdma_reg_dmabuf(&rdma, fd, at, length, &remote))
		return 4;
	ret = __rdma_copy(&rdma, IBV_WR_RDMA_WRITE, &local, local.iova,
			  &remote, at, length);
	return ret ? 5 : 0;
}

/**
 * SUBTEST: two-processes
 * Description: Two processes write to one dma-buf, each through its own regions
 */
static void two_processes(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(4, 0, PAGE);
	const uint32_t length = 6000, at = 2 * PAGE;
	struct rdma_target target = {
		.base = scene.bar, .ranges = ranges, .nr = 4 };
	int fd = vfio_dmabuf(&scene.shm, BAR, ranges, 4), status = -1;
	uint32_t i;
	pid_t pid;

	guard_fill(scene.bar, 0, 8 * PAGE);
	rdma_reg_dmabuf(&scene.rdma, fd, 0, 4 * PAGE, &target.mr);
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		_exit(child_writes(fd, at, length));
	/* The two share the engine meanwhile */
	rdma_scene_both(&scene, &target, 10, length);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_f(WIFEXITED(status) && !WEXITSTATUS(status),
		     "the child failed with status 0x%x\n", status);
	for (i = 0; i < length; i++)
		igt_assert_eq(scene.bar[ranges_find(ranges, 4, at + i)], 0xc4);
	for (i = 0; i < 4; i++) {
		guard_check(scene.bar, ranges[i].offset + PAGE, PAGE);
		if (i < 2)
			guard_check(scene.bar, ranges[i].offset, PAGE);
	}
	rdma_scene_both(&scene, &target, at, 100);
	rdma_target_close(&target);
	close(fd);
	free(ranges);
}

static void child(int fd, int ready)
{
	struct verbs_device device;
	struct verbs_mr local_mr, remote_mr;
	struct rdma rdma;
	struct rdma_op op = {
		.opcode = IBV_WR_RDMA_WRITE, .length = LONG };

	if (!__rdma_wait_device(pci_env("DMABUF_EDU"), &device) &&
	    !__rdma_open(&rdma, device.name) &&
	    !__verbs_reg_mr(rdma.pd, scene.mem, LONG,
			    VERBS_ACCESS_ALL, &local_mr) &&
	    !__rdma_reg_dmabuf(&rdma, fd, 0, LONG, &remote_mr)) {
		op.lkey = local_mr.lkey;
		op.local = local_mr.iova;
		op.rkey = remote_mr.rkey;
		if (!__rdma_post(&rdma, &op, 1) && write(ready, "", 1) == 1)
			pause();
	}
	_exit(1);
}

/**
 * SUBTEST: killed
 * Description: A process is killed in the middle of a transfer: once it is gone,
 *	the engine is idle and its regions are gone
 */
static void killed(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	struct rdma_target target = { .ranges = &range, .nr = 1 };
	int fd = vfio_dmabuf(&scene.shm, BAR, &range, 1);
	int ready[2], status, i;
	unsigned int before;
	uint32_t done;
	pid_t pid;
	char byte;

	before = rdma_regions();
	rdma_scene_fill(&scene, LONG);
	target.base = scene.bar;
	rdma_reg_dmabuf(&scene.rdma, fd, 0, MiB(1), &target.mr);
	for (i = 0; i < 3; i++) {
		guard_fill(scene.bar, 0, MiB(1));
		igt_assert_eq(pipe(ready), 0);
		fflush(NULL);
		pid = fork();
		igt_assert(pid >= 0);
		if (!pid) {
			close(ready[0]);
			child(fd, ready[1]);
		}
		close(ready[1]);
		igt_assert_f(read(ready[0], &byte, 1) == 1,
			     "the child cannot post a transfer\n");
		close(ready[0]);
		/* In different chunks of it, and one way and the other */
		rdma_wait_moving(scene.bar + (unsigned int)i * CHUNK,
				 guard_byte((unsigned int)i * CHUNK));
		igt_assert_eq(kill(pid, SIGKILL), 0);
		igt_assert_eq(waitpid(pid, &status, 0), pid);
		igt_assert(WIFSIGNALED(status));
		done = rdma_scene_arrived(&scene, scene.bar, LONG);
		igt_info("killed when 0x%x bytes had arrived\n", done);
		igt_assert(done < LONG);
		rdma_scene_watch(&scene, scene.bar, LONG);
		igt_assert_eq((int)rdma_regions(), (int)before + 1);
	}
	guard_fill(scene.bar, 0, MiB(1));
	rdma_scene_both(&scene, &target, LONG - 300, 600);
	guard_check(scene.bar, 0, MiB(1));
	rdma_target_close(&target);
	close(fd);
}

/* As libibverbs does, which by itself refuses it for a region of a dma-buf */
static int reregister(const struct verbs_mr *mr, uint32_t flags, uint32_t access)
{
	struct ib_uverbs_rereg_mr_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_rereg_mr cmd;
	} req = {
		.hdr.command = IB_USER_VERBS_CMD_REREG_MR,
		.hdr.in_words = sizeof(req) / 4,
		.hdr.out_words = sizeof(resp) / 4,
		.cmd.response = (uintptr_t)&resp,
		.cmd.mr_handle = mr->ibv->handle,
		.cmd.flags = flags,
		.cmd.start = (uintptr_t)scene.mem,
		.cmd.length = PAGE,
		.cmd.hca_va = (uintptr_t)scene.mem,
		.cmd.pd_handle = scene.rdma.pd->handle,
		.cmd.access_flags = access,
	};

	return write(scene.rdma.context->cmd_fd, &req, sizeof(req)) < 0 ? -errno : 0;
}

/**
 * SUBTEST: reregister
 * Description: A dma-buf's region keeps its rights, its domain and its memory: the
 *	kernel refuses to change them, as it does for each driver
 */
static void keeps_all(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	struct rdma_target target;
	struct verbs_mr memory;
	uint32_t flags;

	/* It is the request that is refused otherwise */
	rdma_reg_memory(&scene.rdma, scene.mem, PAGE, &memory);
	igt_assert_eq(reregister(&memory, IBV_REREG_MR_CHANGE_ACCESS,
				 IBV_ACCESS_LOCAL_WRITE), 0);
	verbs_dereg_mr(&memory);

	rdma_target_open(&scene, &target, &range, 1);
	for (flags = 1; flags <= IBV_REREG_MR_FLAGS_SUPPORTED; flags++)
		igt_assert_eq(reregister(&target.mr, flags, IBV_ACCESS_LOCAL_WRITE),
			      -EOPNOTSUPP);
	guard_fill(scene.bar, 0, MiB(1));
	rdma_scene_both(&scene, &target, 1000, 100);
	guard_check(scene.bar, 0, MiB(1));
	rdma_target_close(&target);
}

int igt_main()
{
	igt_subtest("no-provider")
		no_provider();

	igt_fixture()
		rdma_scene_open(&scene);

	igt_subtest("exporter-closed") {
		rdma_scene_reset(&scene);
		exporter_closed();
	}

	igt_subtest("importer-closed") {
		rdma_scene_reset(&scene);
		importer_closed();
	}

	igt_subtest("two-processes") {
		rdma_scene_reset(&scene);
		two_processes();
	}

	igt_subtest("reregister") {
		rdma_scene_reset(&scene);
		keeps_all();
	}

	igt_subtest("killed") {
		rdma_scene_reset(&scene);
		killed();
	}

	igt_fixture()
		rdma_scene_close(&scene);
}
