// SPDX-License-Identifier: GPL-2.0
/*
 * The topology as a picture: the tree from left to right, one row a device, and
 * the matrix beside it
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "message.h"
#include "output.h"
#include "svg.h"
#include "text.h"
#include "topo.h"
#include "verb.h"

#define MARGIN 28
#define TOP 92
#define ROW 64
#define HOST_WIDTH 96
#define PORT_WIDTH 92
#define PORT_HEIGHT 38
#define GAP 26
#define DEVICE_WIDTH 344
#define DEVICE_HEIGHT 54
#define CELL 44
#define LEGEND 88

/* Characters of a line that surely fit into a device's box */
#define LINE 44

static const char style[] =
	".wire{fill:none;stroke:#8c959f;stroke-width:1.5}"
	".box{fill:#f6f8fa;stroke:#8c959f}"
	".host{fill:#eaeef2;stroke:#59636e}"
	".device{fill:#ddf4ff;stroke:#54aeff}"
	".redirects{stroke:#bc4c00;stroke-width:2}"
	".reduced{fill:#bc4c00}"
	".bus{fill:#4ac26b}.bridge{fill:#eac54f}.no{fill:#ff8182}"
	".unknown{fill:#c297ff}.self{fill:#eaeef2}"
	".letter{font-weight:600;fill:#1f2328;text-anchor:middle}"
	".rate{font-size:10px;fill:#1f2328;text-anchor:middle}";

static const char dark[] =
	".wire{stroke:#656c76}.box{fill:#212830;stroke:#656c76}"
	".host{fill:#2a313c;stroke:#9198a1}"
	".device{fill:#0c2d6b;stroke:#388bfd}"
	".redirects{stroke:#f0883e}.reduced{fill:#f0883e}"
	".bus{fill:#2ea043}.bridge{fill:#bb8009}.no{fill:#da3633}"
	".unknown{fill:#8957e5}.self{fill:#2a313c}"
	".letter,.rate{fill:#ffffff}";

static const struct {
	const char *class;
	const char *letter;
	const char *text;
} looks[] = {
	[ROUTE_BUS_ADDR] = { "bus", "B", "bus address, below one switch" },
	[ROUTE_HOST_BRIDGE] = { "bridge", "H", "through the host bridge" },
	[ROUTE_NONE] = { "no", "-", "no route" },
	[ROUTE_UNKNOWN] = { "unknown", "?", "unknown: ACS not readable" },
};

/**
 * struct drawing - a picture in the making
 * @topo: what is drawn, in the order of @rows
 * @out: the file
 * @links: some are known
 * @left: where the devices' boxes begin
 * @nr_rows: rows that are drawn
 * @rows: the device of each row
 */
struct drawing {
	const struct topo *topo;
	FILE *out;
	bool links;
	int left;
	size_t nr_rows;
	const struct pci_device **rows;
};

static void write_wire(FILE *out, int x, int y, int to_x, int to_y)
{
	fprintf(out, "<path class=\"wire\" d=\"M%d %dH%dV%dH%d\"/>\n", x, y,
		x + GAP / 2, to_y, to_x);
}

static int port_x(unsigned int depth)
{
	return MARGIN + HOST_WIDTH + GAP + (int)depth * (PORT_WIDTH + GAP);
}

static unsigned int depth_of(const struct pci_device *dev)
{
	unsigned int depth = 0;

	for (dev = dev->up; dev; dev = dev->up)
		depth++;
	return depth;
}

static const char *place(const struct pci_device *dev)
{
	return dev->domain ? dev->addr : strchr(dev->addr, ':') + 1;
}

/* In another colour if it could do more */
static void draw_link(struct drawing *drawing, const struct pci_link *link,
		      const char *class, int x, int y, const char *more)
{
	char *now = pci_link_text(link), *can = pci_link_could_text(link);
	char *classes = text_format("%s%s", class,
				    pci_link_reduced(link) ? " reduced" : "");
	char *text = text_format("%s%s%s%s", now,
				 pci_link_reduced(link) && *more ? " of " : "",
				 pci_link_reduced(link) && *more ? can : "", more);

	svg_text(drawing->out, classes, x, y, text, LINE);
	free(text);
	free(classes);
	free(can);
	free(now);
}

static void draw_port(struct drawing *drawing, const struct pci_device *dev,
		      int x, int y)
{
	bool redirects = dev->acs == ACS_READ && dev->acs_ctrl & ACS_REDIRECT;
	char *acs = pci_acs_text(dev);

	svg_box(drawing->out, redirects ? "box redirects" : "box", x,
		  y - PORT_HEIGHT / 2, PORT_WIDTH, PORT_HEIGHT);
	fputs("<g><title>", drawing->out);
	svg_escaped(drawing->out, pci_port_text(dev), LINE);
	fputs(", ", drawing->out);
	svg_escaped(drawing->out, acs, LINE * 2);
	fputs("</title>", drawing->out);
	svg_text(drawing->out, "middle", x + PORT_WIDTH / 2,
		 dev->link.speed ? y - 3 : y + 4, place(dev), LINE);
	if (dev->link.speed)
		draw_link(drawing, &dev->link, "small middle",
			  x + PORT_WIDTH / 2, y + 13, "");
	fputs("</g>\n", drawing->out);
	free(acs);
}

static int draw_device(struct drawing *drawing, const struct pci_device *dev,
		       int x)
{
	int y = TOP + (int)drawing->nr_rows * ROW + ROW / 2;
	char *bars = pci_bars_text(dev), *line;
	char group[24] = "no group", node[32] = "";

	drawing->rows[drawing->nr_rows++] = dev;
	if (dev->group >= 0)
		snprintf(group, sizeof(group), "group %d", dev->group);
	write_wire(drawing->out, x, y, drawing->left, y);
	svg_box(drawing->out, "device", drawing->left, y - DEVICE_HEIGHT / 2,
		  DEVICE_WIDTH, DEVICE_HEIGHT);
	line = text_format("%s  %s", place(dev), dev->name);
	svg_text(drawing->out, "", drawing->left + 10, y - 11, line, LINE);
	free(line);
	line = text_format("%s%s%s · %s%s%s", dev->driver[0] ? dev->driver :
			   "no driver", dev->names ? " " : "",
			   dev->names ? dev->names : "", group,
			   *bars ? " · BARs " : "", bars);
	svg_text(drawing->out, "small", drawing->left + 10, y + 4, line,
		 LINE + 6);
	free(line);
	if (dev->node >= 0)
		snprintf(node, sizeof(node), " · NUMA node %d", dev->node);
	if (dev->link.speed)
		draw_link(drawing, &dev->link, "small", drawing->left + 10,
			  y + 19, *node ? node : " ");
	else
		svg_text(drawing->out, "small", drawing->left + 10, y + 19,
			 *node ? node + strlen(" · ") : "link unknown", LINE);
	free(bars);
	return y;
}

/* Draws what is below a bridge; returns the height of its middle, 0 for nothing */
static int draw_below(struct drawing *drawing, const struct host_bridge *host,
		      const struct pci_device *up, unsigned int depth)
{
	const struct pci_model *model = &drawing->topo->model;
	int first = 0, last = 0, x = port_x(depth), y;
	int *heights = calloc(model->nr_devices, sizeof(*heights));
	size_t i, nr = 0;

	if (!heights) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	for (i = 0; i < model->nr_devices; i++) {
		const struct pci_device *dev = &model->devices[i];

		if (dev->host != host || dev->up != up)
			continue;
		if (dev->port && topo_leads_to(drawing->topo, dev)) {
			y = draw_below(drawing, host, dev, depth + 1);
			draw_port(drawing, dev, x, y);
		} else if (topo_has(drawing->topo, dev)) {
			y = draw_device(drawing, dev, x);
		} else {
			continue;
		}
		first = first ? first : y;
		last = y;
		heights[nr++] = y;
	}
	/* From the middle of the bridge to each of what is below it */
	y = (first + last) / 2;
	for (i = 0; i < nr; i++)
		write_wire(drawing->out, x - GAP, y, x, heights[i]);
	free(heights);
	return y;
}

static void draw_tree(struct drawing *drawing)
{
	const struct pci_model *model = &drawing->topo->model;
	const struct host_bridge *host;

	for (host = model->hosts; host < model->hosts + model->nr_hosts; host++) {
		int y = draw_below(drawing, host, NULL, 0);

		if (!y)
			continue;
		svg_box(drawing->out, "host", MARGIN, y - 22, HOST_WIDTH, 44);
		svg_text(drawing->out, "middle", MARGIN + HOST_WIDTH / 2, y - 3,
			   host->name, LINE);
		svg_text(drawing->out, "small middle", MARGIN + HOST_WIDTH / 2,
			   y + 13, host_trust_name(model, host), LINE);
	}
}

/* Gigabytes a second, in as few characters as tell it: "3.9", "31" */
static void draw_rate(struct drawing *drawing, int x, int y, uint64_t rate)
{
	const double gb = (double)rate / 1e9;
	char text[16];

	snprintf(text, sizeof(text), "%.*f", gb < 9.95 ? 1 : 0, gb);
	svg_text(drawing->out, "rate", x, y, text, LINE);
}

static void draw_cell(struct drawing *drawing, size_t i, size_t j, int x, int y)
{
	const struct pci_device *provider = drawing->rows[j];
	const struct pci_device *client = drawing->rows[i];
	struct route route = route_find(&drawing->topo->model, provider, client);
	const struct pci_device *least = route_narrowest(&route, provider, client);
	const bool rate = i != j && route.kind != ROUTE_NONE && least;

	svg_box(drawing->out, i == j ? "self" : looks[route.kind].class, x + 1,
		y - CELL / 2 + 1, CELL - 2, CELL - 2);
	if (i != j)
		svg_text(drawing->out, "letter", x + CELL / 2,
			 rate ? y - 2 : y + 4, looks[route.kind].letter, LINE);
	if (rate)
		draw_rate(drawing, x + CELL / 2, y + 14,
			  pci_link_rate(&least->link));
}

static void draw_matrix(struct drawing *drawing, int x)
{
	char number[24];
	size_t i, j;

	for (i = 0; i < drawing->nr_rows; i++) {
		int y = TOP + (int)i * ROW + ROW / 2;

		snprintf(number, sizeof(number), "%zu", i + 1);
		svg_text(drawing->out, "small middle", x + (int)i * CELL +
			 CELL / 2, TOP - 8, number, LINE);
		svg_text(drawing->out, "small middle", x - 14, y + 4, number,
			 LINE);
		for (j = 0; j < drawing->nr_rows; j++)
			draw_cell(drawing, i, j, x + (int)j * CELL, y);
	}
}

static void draw_legend(struct drawing *drawing, int y)
{
	int x = MARGIN;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(looks); i++) {
		svg_box(drawing->out, looks[i].class, x, y, 20, 20);
		svg_text(drawing->out, "letter", x + 10, y + 14,
			   looks[i].letter, LINE);
		svg_text(drawing->out, "small", x + 27, y + 14, looks[i].text,
			   LINE);
		x += 36 + (int)strlen(looks[i].text) * 6 + 14;
	}
	svg_box(drawing->out, "box redirects", MARGIN, y + 28, 20, 16);
	svg_text(drawing->out, "small", MARGIN + 27, y + 40,
		 "ACS redirects to the host bridge", LINE);
	if (!drawing->links)
		return;
	svg_text(drawing->out, "small reduced", MARGIN + 250, y + 40,
		 "this link could be faster or wider", LINE);
	svg_text(drawing->out, "small", MARGIN, y + 62,
		 "Below a letter: GB/s each way that the narrowest link on the way lets through, less packets' headers",
		 2 * LINE + 20);
}

/* Fits the legend, too */
static int width_of(const struct drawing *drawing, int matrix)
{
	int width = matrix + (int)drawing->topo->nr_devs * CELL + MARGIN;

	return width < 800 ? 800 : width;
}

static void draw(struct drawing *drawing)
{
	const struct topo *topo = drawing->topo;
	int height = TOP + (int)topo->nr_devs * ROW + LEGEND + MARGIN;
	unsigned int depth = 0;
	int matrix, width;
	size_t i;

	for (i = 0; i < topo->nr_devs; i++)
		drawing->links |= topo->devs[i]->link.speed;
	for (i = 0; i < topo->nr_devs; i++)
		if (depth_of(topo->devs[i]) > depth)
			depth = depth_of(topo->devs[i]);
	drawing->left = port_x(depth);
	matrix = drawing->left + DEVICE_WIDTH + 34;
	width = width_of(drawing, matrix);

	svg_begin(drawing->out, width, height, style, dark,
		  "Peer-to-peer DMA: who reaches whose BARs", topo->model.cpu);
	draw_tree(drawing);
	draw_matrix(drawing, matrix);
	draw_legend(drawing, height - LEGEND - 4);
	svg_end(drawing->out);
}

int topo_svg(const struct topo *topo, const char *path)
{
	struct drawing drawing = { .topo = topo };
	int ret;

	drawing.rows = calloc(topo->nr_devs + 1, sizeof(*drawing.rows));
	drawing.out = drawing.rows ? output_file(path) : NULL;
	if (!drawing.out) {
		complain(path, NULL, "cannot be written: %s", strerror(errno));
		free(drawing.rows);
		return EXIT_FAILED;
	}
	draw(&drawing);
	ret = output_file_done(drawing.out);
	if (ret) {
		complain(path, NULL, "cannot be written: %s", strerror(-ret));
		ret = EXIT_FAILED;
	}
	free(drawing.rows);
	return ret;
}
