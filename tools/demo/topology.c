// SPDX-License-Identifier: GPL-2.0
/*
 * Which devices there are and how DMA gets from one to the other
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fail.h"
#include "report.h"
#include "topology.h"

const char *size_text(uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
	static char bufs[4][32];
	static unsigned int next;
	char *buf = bufs[next++ % 4];
	unsigned int unit = 0;

	while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, sizeof(bufs[0]), "%" PRIu64 " %s", bytes, units[unit]);
	return buf;
}

uint64_t bar_start(const char *addr, unsigned int bar)
{
	char path[64], line[128];
	uint64_t start = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", addr);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (!bar--) {
			sscanf(line, "%" SCNx64, &start);
			break;
		}
	fclose(file);
	return start;
}

bool has_iommu(const char *addr)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu", addr);
	return !access(path, F_OK);
}

/* What 'dmabuf-p2p topo' says; its path is in the environment, see run */
static void ask_topo(const char *arguments)
{
	const char *tool = getenv("DMABUF_P2P");
	char command[512], line[256];
	FILE *output;

	if (!tool)
		fail("start the demo with tools/demo/run", "DMABUF_P2P is not set");
	snprintf(command, sizeof(command), "'%s' topo %s", tool, arguments);
	fflush(stdout);
	output = popen(command, "re");
	if (!output)
		fail(NULL, "cannot run %s: %s", tool, strerror(errno));
	while (fgets(line, sizeof(line), output)) {
		line[strcspn(line, "\n")] = 0;
		say("%s", line);
	}
	if (pclose(output))
		fail("run the command in tools/vm/run to see why", "'%s' failed",
		     command);
}

void topology_print(const struct demo *demo)
{
	const char *name = getenv("DMABUF_TOPOLOGY");
	const char *exporter = demo->exporter.addr, *edu = demo->edu.dev.addr;
	char arguments[128];
	struct utsname uts;

	uname(&uts);
	heading("Peer-to-peer DMA by physical lists: Linux %s, topology %s",
		uts.release, name ? name : "of this machine");
	printf("\n");
	snprintf(arguments, sizeof(arguments), "--tree %s %s %s %s", exporter,
		 demo->exporter2.fd >= 0 ? demo->exporter2.addr : "", edu,
		 demo->nvme.dev.addr);
	ask_topo(arguments);
	printf("\n");
	snprintf(arguments, sizeof(arguments), "--why %s %s", edu, exporter);
	ask_topo(arguments);
}
