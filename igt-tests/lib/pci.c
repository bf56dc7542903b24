// SPDX-License-Identifier: MIT
/*
 * The VM's devices, and their drivers, which the tests put back
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <unistd.h>

#include "igt_core.h"
#include "let_go.h"
#include "machine.h"
#include "module.h"
#include "pci.h"

const char *pci_env(const char *name)
{
	const char *addr = getenv(name);

	igt_require_f(addr && *addr,
		      "$%s is not set: run this under tools/vm/run\n", name);
	require_there(pci_exists(addr) ? 0 : -ENODEV,
		      "$%s is %s: there is no such device\n", name, addr);
	return addr;
}

bool pci_topology_is(const char *name)
{
	const char *topology = getenv("DMABUF_TOPOLOGY");

	return topology && !strcmp(topology, name);
}

void pci_bind(const char *addr, const char *driver)
{
	int ret = __pci_bind(addr, driver);

	igt_assert_f(!ret,
		     "%s: cannot bind it to %s: %s. Is the driver there ('modprobe %s') and nothing using the device?\n",
		     addr, driver ? driver : "no driver", strerror(-ret),
		     driver ? driver : "");
}

void pci_load_driver(const char *module)
{
	int ret;

	module_require(module);
	ret = __pci_load_driver(module);
	igt_assert_f(!ret,
		     "cannot load the driver %s: %s. Was it built for this kernel?\n",
		     module, strerror(-ret));
}

int pci_config_open(const char *addr)
{
	char path[128];
	int config;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", addr);
	config = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_f(config >= 0, "cannot open %s: %s\n", path, strerror(errno));
	return config;
}

uint64_t pci_bar(const char *addr, unsigned int bar, uint64_t *length)
{
	uint64_t start = 0, end = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", addr);
	file = fopen(path, "re");
	igt_assert_f(file, "cannot read %s: %s\n", path, strerror(errno));
	do {
		igt_assert_eq(fscanf(file, "%" SCNx64 " %" SCNx64 " %*x", &start, &end), 2);
	} while (bar--);
	fclose(file);
	if (length)
		*length = end + 1 - start;
	return start;
}

off_t pci_ext_cap(int config, uint16_t id)
{
	uint32_t head;
	off_t at;

	for (at = PCI_CFG_SPACE_SIZE; at; at = PCI_EXT_CAP_NEXT(head)) {
		/* A function that has none, or does not answer */
		if (pread(config, &head, 4, at) != 4 || head == UINT32_MAX)
			return 0;
		if (PCI_EXT_CAP_ID(head) == id)
			break;
	}
	return at;
}

static pid_t owner;

/* Not in a child that ends: the devices are its parent's, which has them open */
static void restore(int sig)
{
	(void)sig;
	if (getpid() != owner)
		return;
	let_go();
	pci_restore();
}

static void install_restore(void)
{
	owner = getpid();
	igt_install_exit_handler(restore);
}

/* Also where a test calls __vfio_open() only: whatever it takes is given back */
static void __attribute__((constructor)) pci_give_back_at_exit(void)
{
	pci_before_change(install_restore);
}
