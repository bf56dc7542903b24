// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "igt_core.h"
#include "klog.h"
#include "machine.h"
#include "pci.h"
#include "scene.h"
#include "sysfs.h"

#define REVOKE_EVENT "/sys/kernel/tracing/events/dma_buf_phys/dma_buf_phys_revoke_end/enable"
#define TRACE "/sys/kernel/tracing/trace_pipe"
#define TRACED "/sys/kernel/tracing/trace"

void scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->shm.fd = scene->edu.dev.fd = scene->nvme.dev.fd = -1;
	scene->iommufd = iommufd_open();
	scene->ioas = ioas_alloc(scene->iommufd);
	vfio_open(&scene->shm, pci_env("DMABUF_EXPORTER"), scene->iommufd);
	scene->bar = vfio_map_bar(&scene->shm, SHM_BAR);
	edu_open(&scene->edu, scene->iommufd);
	edu_attach(&scene->edu, scene->ioas);
	nvme_open(&scene->nvme, scene->iommufd);
	nvme_attach(&scene->nvme, scene->ioas);
}

void scene_close(struct scene *scene)
{
	nvme_close(&scene->nvme);
	edu_close(&scene->edu);
	vfio_close(&scene->shm);
	if (scene->iommufd > 0)
		close(scene->iommufd);
	scene->iommufd = -1;
}

void scene_reset_ioas(struct scene *scene)
{
	uint32_t old = scene->ioas;

	klog_tell_runner();
	scene->ioas = ioas_alloc(scene->iommufd);
	edu_attach(&scene->edu, scene->ioas);
	nvme_attach(&scene->nvme, scene->ioas);
	/* Busy if the test that failed has left a page table in it */
	__iommufd_destroy(scene->iommufd, old);
}

static uint64_t fresh_word(void)
{
	static uint64_t count;

	return 0xf4e5000000000000ull + (++count << 20) + 0xabcd;
}

uint64_t scene_store(struct scene *scene, uint64_t iova, const void *expect)
{
	uint64_t word = fresh_word();

	if (!expect)
		klog_expect_faults(scene->edu.dev.addr);
	edu_write(&scene->edu, iova, &word, sizeof(word));
	if (expect)
		igt_assert_eq_u64(*(const volatile uint64_t *)expect, word);
	return word;
}

uint64_t scene_load(struct scene *scene, uint64_t iova)
{
	uint64_t word;

	edu_read(&scene->edu, iova, &word, sizeof(word));
	return word;
}

/* Programs that share the VM would trace it, too */
static void stop_tracing(int sig)
{
	(void)sig;
	__sysfs_write(REVOKE_EVENT, "0");
}

int trace_revokes(void)
{
	static FILE *trace;
	char line[1024];
	int count = 0;

	/* A count that cannot be taken must not look like one */
	require_there(access(REVOKE_EVENT, W_OK) ? -errno : 0,
		      "no " REVOKE_EVENT ": %s. Load dma-buf-phys, mount tracefs, as root\n",
		      strerror(errno));
	igt_assert_f(!access(REVOKE_EVENT, W_OK),
		     "cannot write " REVOKE_EVENT ": %s. Load dma-buf-phys, mount tracefs\n",
		     strerror(errno));
	if (!trace) {
		int fd = open(TRACE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		igt_assert_f(fd >= 0, "cannot open " TRACE ": %s\n",
			     strerror(errno));
		trace = fdopen(fd, "r");
		igt_assert(trace);
		igt_install_exit_handler(stop_tracing);
		sysfs_write(REVOKE_EVENT, "1");
	}
	/* What is read is gone from there, and nothing else is */
	while (fgets(line, sizeof(line), trace))
		if (strstr(line, "revoke_end"))
			count++;
	/* The end of what there is, not of what will be */
	clearerr(trace);
	return count;
}

void trace_clear(void)
{
	/* Not by what is written */
	int fd = open(TRACED, O_WRONLY | O_TRUNC | O_CLOEXEC);

	igt_assert_f(fd >= 0, "cannot empty " TRACED ": %s\n", strerror(errno));
	close(fd);
}
