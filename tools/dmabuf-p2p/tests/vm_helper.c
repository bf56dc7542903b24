// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests in VMs need beside the program
 *
 *   vm_helper memory PID on|off    of the device that a process has open
 *   vm_helper map fd:N             map it in an IOAS until input ends
 *   vm_helper heap COMMAND...      with a dma-buf of the system heap, 64 KiB
 *   vm_helper forged COMMAND...    the same with a name that looks like its fdinfo
 *   vm_helper hold FILE COMMAND... with FILE open for nobody else
 *   vm_helper open DEVICE COMMAND... with DEVICE open through VFIO, as a VM has it
 *   vm_helper same A B             two buffers are the same bytes of a device
 *   vm_helper crash A              with A's memory off, all of it mapped
 *   vm_helper movable COMMAND...   with a dma-buf that moves at each byte of input
 *                                  and ends with it
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buffer.h"
#include "cleanup.h"
#include "command.h"
#include "devices/iommufd.h"
#include "devices/memory.h"
#include "devices/module.h"
#include "devices/pci.h"
#include "devices/vfio.h"
#include "dmabuf.h"
#include "message.h"
#include "movable_uapi.h"
#include "output.h"
#include "taken.h"

/* Of a dma-buf of memory, bytes */
#define HEAP_SIZE 65536

static int fail(const char *what, int err)
{
	complain(what, NULL, "%s", strerror(err));
	return 1;
}

/* Return: a copy of the fd by which a process has its VFIO device open, or -1 */
static int take_device(pid_t pid)
{
	char path[300], target[PATH_MAX];
	struct dirent *entry;
	int fd = -1;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (fd < 0 && dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid,
			 entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len < 0 ? 0 : len] = 0;
		if (!strncmp(target, "/dev/vfio/devices/", 18))
			fd = dmabuf_take(pid, atoi(entry->d_name));
	}
	if (dir)
		closedir(dir);
	return fd;
}

static int memory(pid_t pid, bool on)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	struct vfio_device dev = { .fd = take_device(pid) };
	int ret;

	if (dev.fd < 0 || ioctl(dev.fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		return fail("no VFIO device", errno);
	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].offset = info.offset;
	ret = __vfio_memory_enable(&dev, on);
	return ret ? fail("memory enable", -ret) : 0;
}

static int map(const char *spec)
{
	int iommufd = __iommufd_open(), ret;
	struct buffer buffer;
	uint32_t ioas;

	if (iommufd < 0)
		return fail("/dev/iommu", -iommufd);
	ret = __ioas_alloc(iommufd, &ioas);
	if (ret)
		return fail("IOMMU_IOAS_ALLOC", -ret);
	if (buffer_open(&buffer, spec, true))
		return 1;
	ret = __ioas_map_file(iommufd, ioas, buffer.fd, 0, buffer.size,
			      1ull << 32);
	if (ret)
		return fail("IOMMU_IOAS_MAP_FILE", -ret);
	puts("mapped");
	fflush(stdout);
	return getchar() == EOF ? 0 : 1;
}

static int heap(char **command)
{
	int fd = __heap_dmabuf(HEAP_SIZE);

	return fd < 0 ? fail("/dev/dma_heap/system", -fd) :
			command_exec(command, fd, HEAP_SIZE);
}

static int forged(char **command)
{
	static const char name[] = "x\nino:\t77\nexp_name:\ti915";
	int fd = __heap_dmabuf(HEAP_SIZE);

	if (fd < 0)
		return fail("/dev/dma_heap/system", -fd);
	if (ioctl(fd, DMA_BUF_SET_NAME, name))
		return fail("it takes no name", errno);
	return command_exec(command, fd, HEAP_SIZE);
}

static int run_command(char **command)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		execvp(command[0], command);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return fail(command[0], errno);
	return WEXITSTATUS(status);
}

static int hold(const char *path, char **command)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	return fd < 0 ? fail(path, errno) : run_command(command);
}

static int open_device(const char *addr, char **command)
{
	struct vfio_device dev;
	int iommufd = __iommufd_open(), ret;

	if (iommufd < 0)
		return fail("/dev/iommu", -iommufd);
	ret = __vfio_open(&dev, addr, iommufd);
	return ret ? fail(addr, -ret) : run_command(command);
}

static int open_mapped(struct buffer *buffer, const char *spec)
{
	int ret = buffer_open(buffer, spec, true);

	return ret ? ret : buffer_map(buffer, true);
}

static int same(const char *a, const char *b)
{
	struct buffer one, two;
	uint64_t i;

	if (open_mapped(&one, a) || open_mapped(&two, b))
		return 1;
	/* A BAR is written to in words */
	for (i = 0; i < one.size; i += 4)
		*(volatile uint32_t *)(one.cpu + i) = (uint32_t)(i * 2654435761u);
	for (i = 0; i < two.size; i += 4)
		if (*(volatile uint32_t *)(two.cpu + i) !=
		    (uint32_t)(i * 2654435761u))
			return 3;
	buffer_close(&one);
	/* The device stays open for the other one */
	if (*(volatile uint32_t *)(two.cpu + 4) != 4 * 2654435761u)
		return 4;
	buffer_close(&two);
	return 0;
}

static int crash(const char *spec)
{
	struct buffer buffer;
	int ret;

	if (open_mapped(&buffer, spec))
		return 1;
	ret = __vfio_map_bar(&buffer.vfio, 2);
	if (ret)
		return fail(spec, -ret);
	__vfio_memory_enable(&buffer.vfio, false);
	*(volatile uint32_t *)buffer.cpu = 1;
	return 0;
}

static int movable(char **command)
{
	struct dma_buf_movable_create create = { .size = 32768 };
	const char *addr = getenv("DMABUF_EXPORTER");
	int status, file, fd, ret;
	pid_t pid;

	if (!addr)
		return fail("$DMABUF_EXPORTER", ENOENT);
	ret = __module_load("dma-buf-movable", NULL);
	if (!ret)
		ret = __pci_bind(addr, "dma-buf-movable");
	if (ret)
		return fail("dma-buf-movable", -ret);
	file = open("/dev/dma-buf-movable", O_RDWR | O_CLOEXEC);
	fd = ioctl(file, DMA_BUF_MOVABLE_CREATE, &create);
	if (fd < 0)
		return fail("no buffer that moves", errno);
	pid = fork();
	if (!pid)
		_exit(command_exec(command, fd, create.size));
	close(fd);
	while (getchar() != EOF) {
		struct dma_buf_movable_move move = {
			.placements = 1 << DMA_BUF_MOVABLE_BAR,
			.count = 1,
		};

		if (ioctl(file, DMA_BUF_MOVABLE_MOVE, &move))
			return fail("it does not move", errno);
	}
	close(file);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return fail(command[0], errno);
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	output_begin();
	cleanup_taken(taken_note);
	/* It is itself what puts drivers back in the end */
	if (!strcmp(what, "--put-back"))
		return cleanup_put_back(argc - 2, argv + 2);
	if (!strcmp(what, "memory") && argc == 4)
		return memory(atoi(argv[2]), !strcmp(argv[3], "on"));
	if (!strcmp(what, "map"))
		return map(argv[2]);
	if (!strcmp(what, "heap"))
		return heap(argv + 2);
	if (!strcmp(what, "forged"))
		return forged(argv + 2);
	if (!strcmp(what, "hold") && argc > 3)
		return hold(argv[2], argv + 3);
	if (!strcmp(what, "open") && argc > 3)
		return open_device(argv[2], argv + 3);
	if (!strcmp(what, "same") && argc == 4)
		return same(argv[2], argv[3]);
	if (!strcmp(what, "crash"))
		return crash(argv[2]);
	if (!strcmp(what, "movable"))
		return movable(argv + 2);
	complain(NULL, NULL, "see the head of vm_helper.c");
	return 2;
}
