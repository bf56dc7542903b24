// SPDX-License-Identifier: GPL-2.0
/*
 * What the program says when VFIO does not open a device, of which there is none here,
 * and when there can be no socket
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exporter.h"
#include "share.h"
#include "tap.h"

#define ADDR "ffff:ff:1f.7"

static void device(int err)
{
	export_refused(ADDR, err);
}

static const char *path;

static void socket_at(int unused)
{
	(void)unused;
	share_listen(path, (gid_t)-1);
}

/* Standard error of @fn */
static const char *said_by(void (*fn)(int arg), int arg)
{
	static char text[512];
	int memfd = memfd_create("stderr", MFD_CLOEXEC), saved;
	ssize_t len;

	fflush(stderr);
	saved = dup(STDERR_FILENO);
	dup2(memfd, STDERR_FILENO);
	fn(arg);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	len = pread(memfd, text, sizeof(text) - 1, 0);
	if (len < 0)
		abort();
	text[len] = 0;
	close(memfd);
	return text;
}

static const char *said(int err)
{
	return said_by(device, err);
}

static const char *said_of(const char *socket)
{
	path = socket;
	return said_by(socket_at, 0);
}

int main(void)
{
	tap_ok(strstr(said(EBUSY), ADDR ": another program has it or its IOMMU group open\n"),
	       "EBUSY: the group has a user");
	tap_ok(strstr(said(EINVAL), ADDR ": another program has it open, or its IOMMU does not keep caches coherent\n"),
	       "EINVAL: the device has one, or the IOMMU will not do");
	tap_ok(strstr(said(ENOMEM), ADDR ": cannot open it through VFIO: "),
	       "anything else");
	tap_ok(strstr(said_of("/proc/version"),
		      "/proc/version: there is something, and it is no socket\n"),
	       "a socket where something else is");
	tap_ok(strstr(said_of("/proc/no-such"),
		      "/proc/no-such: cannot make the socket: No such file or directory\n"),
	       "a socket where there can be none");
	return tap_end();
}
