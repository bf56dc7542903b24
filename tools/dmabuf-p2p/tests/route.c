// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's rule about routes, on trees made for each line of it
 */
#include <stdlib.h>
#include <string.h>

#include "route.h"
#include "tap.h"

static struct host_bridge hosts[2];
static struct pci_model model;

static void reset(const char *vendor, unsigned int family)
{
	memset(hosts, 0, sizeof(hosts));
	memset(&model, 0, sizeof(model));
	snprintf(model.cpu_vendor, sizeof(model.cpu_vendor), "%s", vendor);
	model.cpu_family = family;
}

static struct pci_device device(const char *addr, const struct pci_device *up,
				const struct host_bridge *host)
{
	struct pci_device dev = { .up = up, .host = host };

	snprintf(dev.addr, sizeof(dev.addr), "%s", addr);
	return dev;
}

static struct pci_device redirecting(struct pci_device dev, uint16_t control)
{
	dev.acs = ACS_READ;
	dev.acs_ctrl = control;
	return dev;
}

static enum route_kind kind(const struct pci_device *a, const struct pci_device *b)
{
	struct route there = route_find(&model, a, b);
	struct route back = route_find(&model, b, a);

	/* As the kernel's, it is the same in both directions */
	if (there.kind != back.kind || there.distance != back.distance ||
	    there.nr_redirects != back.nr_redirects)
		return (enum route_kind)-1;
	return there.kind;
}

/* root port - upstream - two downstream ports - a device below each */
struct below_switch {
	struct pci_device root, up, down1, down2, a, b;
};

static void make_switch(struct below_switch *s)
{
	s->root = device("0000:00:01.0", NULL, &hosts[0]);
	s->up = device("0000:01:00.0", &s->root, &hosts[0]);
	s->down1 = device("0000:02:00.0", &s->up, &hosts[0]);
	s->down2 = device("0000:02:01.0", &s->up, &hosts[0]);
	s->a = device("0000:03:00.0", &s->down1, &hosts[0]);
	s->b = device("0000:04:00.0", &s->down2, &hosts[0]);
}

static void below_a_switch(void)
{
	struct below_switch s;
	struct route route;
	uint16_t bit;
	bool good = true;

	reset("GenuineIntel", 6);
	make_switch(&s);
	route = route_find(&model, &s.a, &s.b);
	tap_ok(kind(&s.a, &s.b) == ROUTE_BUS_ADDR && route.common == &s.up &&
	       route.distance == 4, "below a switch: bus address, 4 hops");

	/* Only three of the bits redirect requests */
	for (bit = 0; bit < 7; bit++) {
		s.down1 = redirecting(s.down1, (uint16_t)(1 << bit));
		if (kind(&s.a, &s.b) != (bit == 2 || bit == 3 || bit == 5 ?
					 ROUTE_NONE : ROUTE_BUS_ADDR))
			good = false;
	}
	tap_ok(good, "RR, CR and EC redirect, the other bits of ACS do not");

	s.down1 = redirecting(s.down1, 0x1d);
	s.down2 = redirecting(s.down2, 0x1d);
	route = route_find(&model, &s.a, &s.b);
	tap_ok(route.nr_redirects == 2 && route.redirects[0] == &s.down1 &&
	       route.redirects[1] == &s.down2,
	       "both ports that redirect are named, the provider's first");

	make_switch(&s);
	s.up = redirecting(s.up, 0x04);
	tap_ok(kind(&s.a, &s.b) == ROUTE_NONE,
	       "the bridge where both ways meet redirects, too");

	make_switch(&s);
	s.root = redirecting(s.root, 0x04);
	tap_ok(kind(&s.a, &s.b) == ROUTE_BUS_ADDR,
	       "a bridge above that does not matter");

	make_switch(&s);
	s.a = redirecting(s.a, 0x04);
	tap_ok(kind(&s.a, &s.b) == ROUTE_NONE,
	       "ACS of the device itself counts");

	make_switch(&s);
	s.down2.acs = ACS_UNKNOWN;
	tap_ok(kind(&s.a, &s.b) == ROUTE_UNKNOWN,
	       "a port whose ACS cannot be read: unknown");
	s.down1 = redirecting(s.down1, 0x04);
	tap_ok(kind(&s.a, &s.b) == ROUTE_NONE,
	       "unless another one is known to redirect");
}

static void same_device(void)
{
	struct pci_device port, a, b, vf;

	reset("GenuineIntel", 6);
	port = device("0000:00:01.0", NULL, &hosts[0]);
	a = device("0000:01:00.0", &port, &hosts[0]);
	b = device("0000:01:00.1", &port, &hosts[0]);
	vf = device("0000:02:00.0", a.up, &hosts[0]);
	vf.physfn = &a;
	tap_ok(kind(&a, &a) == ROUTE_BUS_ADDR &&
	       route_find(&model, &a, &a).distance == 0,
	       "the same function: bus address, no hop");
	tap_ok(kind(&a, &b) == ROUTE_BUS_ADDR &&
	       route_find(&model, &a, &b).distance == 2,
	       "two functions of a device: bus address, 2 hops");
	tap_ok(kind(&a, &vf) == ROUTE_BUS_ADDR &&
	       route_find(&model, &a, &vf).distance == 2,
	       "a virtual function is where its physical one is");
	port = redirecting(port, 0x1d);
	tap_ok(kind(&a, &b) == ROUTE_NONE,
	       "a root port that redirects parts two functions");
	a = redirecting(a, 0x04);
	tap_ok(kind(&a, &a) == ROUTE_NONE,
	       "a function with ACS redirect on is parted from itself");
}

static enum route_kind through_host(uint16_t vendor, uint16_t id,
				    bool same_host)
{
	struct pci_device first = device("0000:00:00.0", NULL, &hosts[0]);
	struct pci_device second = device("0000:80:00.0", NULL, &hosts[1]);
	struct pci_device port1 = device("0000:00:01.0", NULL, &hosts[0]);
	struct pci_device port2 = device("0000:00:02.0", NULL,
					 &hosts[same_host ? 0 : 1]);
	struct pci_device a = device("0000:01:00.0", &port1, port1.host);
	struct pci_device b = device("0000:02:00.0", &port2, port2.host);

	first.vendor = second.vendor = vendor;
	first.device = second.device = id;
	hosts[0].first = &first;
	hosts[1].first = &second;
	/* On the way to the root ACS makes no difference */
	port1 = redirecting(port1, 0x1d);
	port2.acs = ACS_UNKNOWN;
	return kind(&a, &b);
}

static void through_the_root(void)
{
	reset("AuthenticAMD", 0x17);
	tap_ok(through_host(0x1022, 0x1480, true) == ROUTE_HOST_BRIDGE &&
	       through_host(0x1022, 0x1480, false) == ROUTE_HOST_BRIDGE,
	       "AMD from family 17h on: any two devices");
	reset("AuthenticAMD", 0x16);
	tap_ok(through_host(0x1022, 0x1480, true) == ROUTE_NONE,
	       "AMD family 16h: no route");
	reset("HygonGenuine", 0x18);
	tap_ok(through_host(0x1022, 0x1480, true) == ROUTE_NONE,
	       "Hygon is not AMD to the kernel");
	reset("", 0);
	tap_ok(through_host(0x8086, 0x29c0, true) == ROUTE_NONE,
	       "a host bridge that is not on the list: no route");
	tap_ok(through_host(0x8086, 0x2020, true) == ROUTE_HOST_BRIDGE &&
	       through_host(0x8086, 0x2020, false) == ROUTE_HOST_BRIDGE,
	       "Skylake-E: between two host bridges as well");
	tap_ok(through_host(0x8086, 0x2f01, true) == ROUTE_HOST_BRIDGE &&
	       through_host(0x8086, 0x2f01, false) == ROUTE_NONE,
	       "Xeon E5 v3: below one host bridge only");
	tap_ok(through_host(0x1ae0, 0x1234, false) == ROUTE_HOST_BRIDGE,
	       "Google: whatever the device");
	tap_ok(through_host(0x10de, 0x2f94, true) == ROUTE_NONE &&
	       through_host(0x10de, 0x2f98, true) == ROUTE_HOST_BRIDGE,
	       "Nvidia: the four that are listed");
}

static void two_hosts(void)
{
	struct pci_device first = device("0000:00:00.0", NULL, &hosts[0]);
	struct pci_device a, b;
	struct route route;

	reset("GenuineIntel", 6);
	first.vendor = 0x8086;
	first.device = 0x2020;
	hosts[0].first = &first;
	a = device("0000:01:00.0", NULL, &hosts[0]);
	b = device("0000:80:01.0", NULL, &hosts[1]);
	route = route_find(&model, &a, &b);
	tap_ok(kind(&a, &b) == ROUTE_NONE && route.trust == TRUST_NAMELESS &&
	       route.host == &hosts[1],
	       "of two host bridges, the one to blame is named");
}

static void words(void)
{
	struct below_switch s;
	struct route route;
	char *cause, *remedy;

	reset("GenuineIntel", 6);
	make_switch(&s);
	s.down1 = redirecting(s.down1, 0x1d);
	s.down2 = redirecting(s.down2, 0x1d);
	hosts[0].first = &s.root;
	snprintf(hosts[0].name, sizeof(hosts[0].name), "pci0000:00");
	s.root.vendor = 0x8086;
	s.root.device = 0x1234;
	route = route_find(&model, &s.a, &s.b);
	cause = route_cause(&model, &route);
	remedy = route_remedy(&route);
	tap_ok(!strcmp(cause, "ACS redirects to the host bridge in 0000:02:00.0 0000:02:01.0, and Linux does not trust the host bridge pci0000:00 (0000:00:01.0 is 8086:1234, not on its list)"),
	       "the cause names the bridges and the host bridge");
	tap_ok(strstr(remedy, "pci=disable_acs_redir=0000:02:00.0;0000:02:01.0 "),
	       "the remedy is a parameter of the kernel as it is typed");
	free(cause);
	free(remedy);
}

static bool rate_is(unsigned int speed, unsigned int width, uint64_t rate)
{
	const struct pci_link link = { .speed = speed, .width = width };

	return pci_link_rate(&link) == rate;
}

/* Bytes a second, less what the encoding takes */
static void test_links(void)
{
	tap_ok(rate_is(2500, 1, 250000000) && rate_is(5000, 4, 2000000000) &&
		       rate_is(8000, 4, 3938461538) &&
		       rate_is(32000, 16, 63015384615) &&
		       rate_is(64000, 16, 118000000000) && rate_is(0, 0, 0),
	       "rates of links");
}

int main(void)
{
	test_links();
	below_a_switch();
	same_device();
	through_the_root();
	two_hosts();
	words();
	return tap_end();
}
