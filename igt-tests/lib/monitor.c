// SPDX-License-Identifier: MIT
#include "igt_core.h"
#include "machine.h"
#include "monitor.h"

void monitor_command(const char *command)
{
	char reply[1024];
	int ret = __monitor_command(command, reply, sizeof(reply));

	require_there(ret, "no monitor of QEMU: this needs a VM of tools/vm/run\n");
	igt_assert_f(!ret,
		     "QEMU's monitor, '%s': %s. The VM needs a virtio port org.qemu.monitor\n",
		     command, strerror(-ret));
	igt_assert_f(!reply[0], "QEMU's monitor, '%s': %s\n", command, reply);
}

uint64_t monitor_read64(uint64_t paddr)
{
	uint64_t value = 0;
	int ret = __monitor_read64(paddr, &value);

	require_there(ret, "no monitor of QEMU: this needs a VM of tools/vm/run\n");
	igt_assert_f(!ret, "QEMU's monitor does not show memory: %s\n",
		     strerror(-ret));
	return value;
}
