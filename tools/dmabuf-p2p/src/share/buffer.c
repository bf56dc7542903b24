// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that verbs work on, by the names users give them
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffer.h"
#include "dmabuf.h"
#include "exporter.h"
#include "message.h"
#include "share.h"
#include "units.h"
#include "verb.h"

static int open_memory(struct buffer *buffer, const char *size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (parse_size(size, &buffer->size) || !buffer->size ||
	    buffer->size % page) {
		complain(buffer->spec, "examples: mem:64K, mem:16M",
			 "'%s' is no size in whole pages", size);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int open_exported(struct buffer *buffer, const char *slash, bool bind)
{
	char *device = strndup(buffer->spec, (size_t)(slash - buffer->spec));
	struct export_request request = {
		.device = device,
		.ranges = slash + 1,
		.bind = bind,
	};
	struct exported exported;
	int ret;

	if (!device) {
		complain(buffer->spec, NULL, "out of memory");
		return EXIT_FAILED;
	}
	ret = export_bars(&exported, &request);
	free(device);
	if (ret)
		return ret;
	buffer->fd = exported.fd;
	buffer->size = exported.size;
	buffer->vfio = exported.vfio;
	return EXIT_OK;
}

static int open_fd(struct buffer *buffer, int fd)
{
	if (fd < 0)
		return -fd;
	buffer->fd = fd;
	return dmabuf_size(fd, buffer->spec, &buffer->size);
}

/* A copy, so that closing the buffer does not close what was inherited */
static int open_inherited(struct buffer *buffer, const char *number)
{
	int fd = dmabuf_inherited(number, buffer->spec), copy;

	if (fd < 0)
		return -fd;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0) {
		complain(buffer->spec, NULL, "%s", strerror(errno));
		return EXIT_FAILED;
	}
	return open_fd(buffer, copy);
}

int buffer_open(struct buffer *buffer, const char *spec, bool bind)
{
	struct share_header header;
	const char *slash;
	int ret;

	memset(buffer, 0, sizeof(*buffer));
	buffer->spec = spec;
	buffer->fd = -1;
	buffer->vfio.fd = -1;

	slash = strchr(spec, '/');
	if (!strncmp(spec, "mem:", 4))
		ret = open_memory(buffer, spec + 4);
	else if (!strncmp(spec, "unix:", 5))
		ret = open_fd(buffer, share_take(spec + 5, &header));
	else if (!strncmp(spec, "fd:", 3))
		ret = open_inherited(buffer, spec + 3);
	else if (slash)
		ret = open_exported(buffer, slash, bind);
	else {
		complain(spec,
			 "a buffer is mem:SIZE, DEVICE/RANGES, unix:PATH or fd:N",
			 "this names no buffer");
		ret = EXIT_USAGE;
	}
	if (ret)
		buffer_close(buffer);
	return ret;
}

/* Return: 0 or the errno */
static int map_it(struct buffer *buffer, bool write)
{
	int flags = buffer->fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	int rights = PROT_READ | (write ? PROT_WRITE : 0);
	void *map;

	if (buffer->cpu)
		return mprotect(buffer->cpu, buffer->size, rights) ? errno : 0;
	map = mmap(NULL, buffer->size, rights, flags, buffer->fd, 0);
	if (map == MAP_FAILED)
		return errno;
	buffer->cpu = map;
	return 0;
}

int buffer_map(struct buffer *buffer, bool write)
{
	int err;

	/* Plain memory is for engines, too */
	write |= buffer->fd < 0;
	if (buffer->cpu && (buffer->writable || !write))
		return EXIT_OK;
	if (buffer->size > SIZE_MAX) {
		complain(buffer->spec, NULL, "too large for this program");
		return EXIT_FAILED;
	}
	err = map_it(buffer, write);
	if (!err) {
		buffer->writable = write;
		return EXIT_OK;
	}
	if (buffer->fd >= 0 && err == EOPNOTSUPP) {
		complain(buffer->spec, "export it without --no-host-access",
			 "no CPU may access it: it is for private memory of guests");
		return EXIT_UNSUPPORTED;
	}
	if (buffer->fd >= 0 && (err == EINVAL || err == ENOTTY ||
				err == ENODEV)) {
		complain(buffer->spec, "physical lists add that: see 'dmabuf-p2p doctor'",
			 "its exporter has no way for the CPU to access it");
		return EXIT_UNSUPPORTED;
	}
	if (buffer->fd >= 0 && err == EACCES) {
		complain(buffer->spec, "open it for reading and writing",
			 "the CPU cannot write to it: the dma-buf was opened for reading only");
		return EXIT_FAILED;
	}
	complain(buffer->spec, NULL, "cannot map it: %s", strerror(err));
	return EXIT_FAILED;
}

void buffer_close(struct buffer *buffer)
{
	if (buffer->cpu)
		munmap(buffer->cpu, buffer->size);
	buffer->cpu = NULL;
	if (buffer->vfio.fd >= 0)
		export_done(&buffer->vfio, buffer->fd);
	else if (buffer->fd >= 0)
		close(buffer->fd);
	buffer->fd = -1;
	buffer->vfio.fd = -1;
}
