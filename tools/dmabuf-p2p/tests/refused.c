// SPDX-License-Identifier: GPL-2.0
/*
 * What the program says when VFIO does not open a device, of which there is none here
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exporter.h"
#include "tap.h"

#define ADDR "ffff:ff:1f.7"

/* Standard error of export_refused(), in @text */
static const char *said(int err)
{
	static char text[512];
	int memfd = memfd_create("stderr", MFD_CLOEXEC), saved;
	ssize_t len;

	fflush(stderr);
	saved = dup(STDERR_FILENO);
	dup2(memfd, STDERR_FILENO);
	export_refused(ADDR, err);
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

int main(void)
{
	tap_ok(strstr(said(EBUSY), ADDR ": another program has it or its IOMMU group open\n"),
	       "EBUSY: the group has a user");
	tap_ok(strstr(said(EINVAL), ADDR ": another program has it open, or its IOMMU does not keep caches coherent\n"),
	       "EINVAL: the device has one, or the IOMMU will not do");
	tap_ok(strstr(said(ENOMEM), ADDR ": cannot open it through VFIO: "),
	       "anything else");
	return tap_end();
}
