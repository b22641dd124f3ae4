/* A testee in C: it speaks fiducial's wire protocol (docs/wire.md) on its standard input and output.
 *
 *     cc -O2 -o testee examples/testees/testee.c -lm
 *     fiducial check exec:./testee
 *
 * It offers sigmoid, relu, softmax, affine and mse_loss with their gradients, in float64 and float32, and nothing but
 * the C library is needed. To judge functions of your own, put them in the place of those under "The mathematics":
 * the rest is the protocol. A question is one line of JSON; this reader knows what fiducial sends, and no more.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AXES 8
#define INPUTS 4

typedef struct {
    int axes, single; /* single: float32 */
    size_t shape[AXES], size;
    double *x; /* float32 numbers are held in doubles, exactly */
} array;

static char answer_error[200];

static void refuse(const char *why) { snprintf(answer_error, sizeof answer_error, "%s", why); }

/* --- base64 --- */

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t from_base64(const char *text, size_t length, unsigned char *bytes, size_t room) {
    static signed char value[256];
    size_t k, n = 0;
    uint32_t bits = 0;
    int held = 0;
    if (!value['B']) for (k = 0; k < 64; k++) value[(unsigned char)DIGITS[k]] = (signed char)k;
    for (k = 0; k < length && text[k] != '='; k++) {
        bits = bits << 6 | (uint32_t)value[(unsigned char)text[k]];
        held += 6;
        if (held >= 8 && n < room) bytes[n++] = (unsigned char)(bits >> (held -= 8));
    }
    return n;
}

static void print_base64(const unsigned char *bytes, size_t n) {
    char *text = malloc(4 * (n / 3 + 1) + 1), *out = text;
    size_t k;
    for (k = 0; k < n; k += 3) {
        uint32_t b = (uint32_t)bytes[k] << 16 | (k + 1 < n ? (uint32_t)bytes[k + 1] << 8 : 0) | (k + 2 < n ? bytes[k + 2] : 0);
        *out++ = DIGITS[b >> 18 & 63];
        *out++ = DIGITS[b >> 12 & 63];
        *out++ = k + 1 < n ? DIGITS[b >> 6 & 63] : '=';
        *out++ = k + 2 < n ? DIGITS[b & 63] : '=';
    }
    fwrite(text, 1, (size_t)(out - text), stdout);
    free(text);
}

/* --- the parts of a question: "name": value, wherever it stands --- */

static const char *field(const char *text, const char *name) {
    char wanted[64];
    const char *at;
    snprintf(wanted, sizeof wanted, "\"%s\": ", name);
    at = strstr(text, wanted);
    return at ? at + strlen(wanted) : NULL;
}

static int is(const char *value, const char *word) {
    size_t n = strlen(word);
    return value && value[0] == '"' && !strncmp(value + 1, word, n) && value[n + 1] == '"';
}

/* Reads {"dtype": .., "shape": [..], "data": ".."}; returns what follows, or NULL where there is no array. */
static const char *read_array(const char *text, array *a) {
    const char *dtype, *shape, *data, *end;
    unsigned char *bytes;
    size_t k, width;
    if (*text != '{') return NULL;
    dtype = field(text, "dtype"), shape = field(text, "shape"), data = field(text, "data");
    if (!dtype || !shape || !data) return NULL;
    a->single = is(dtype, "float32");
    if (!a->single && !is(dtype, "float64")) { refuse("float64 or float32 is required"); return NULL; }
    a->axes = 0, a->size = 1;
    for (shape++; *shape != ']'; shape += strspn(shape, ", ")) {
        if (a->axes == AXES) { refuse("at most 8 axes are supported"); return NULL; }
        a->size *= a->shape[a->axes++] = strtoull(shape, (char **)&shape, 10);
    }
    end = strchr(++data, '"');
    width = a->single ? 4 : 8;
    bytes = malloc(width * a->size + 1);
    if (from_base64(data, (size_t)(end - data), bytes, width * a->size) != width * a->size) refuse("data too short");
    a->x = malloc(sizeof(double) * (a->size + 1));
    for (k = 0; k < a->size; k++) { /* this machine is little-endian, as the data are */
        float f;
        if (a->single) { memcpy(&f, bytes + 4 * k, 4); a->x[k] = f; }
        else memcpy(a->x + k, bytes + 8 * k, 8);
    }
    free(bytes);
    return strchr(end, '}') + 1;
}

static array like(int axes, const size_t *shape, int single) {
    array a = {0};
    int k;
    a.axes = axes, a.single = single, a.size = 1;
    for (k = 0; k < axes; k++) a.size *= a.shape[k] = shape[k];
    a.x = calloc(a.size + 1, sizeof(double));
    return a;
}

static void print_array(const array *a) {
    size_t k, width = a->single ? 4 : 8;
    unsigned char *bytes = malloc(width * a->size + 1);
    int axis;
    for (k = 0; k < a->size; k++) {
        float f = (float)a->x[k]; /* the one rounding of a float32 result */
        if (a->single) memcpy(bytes + 4 * k, &f, 4);
        else memcpy(bytes + 8 * k, a->x + k, 8);
    }
    printf("{\"dtype\": \"%s\", \"shape\": [", a->single ? "float32" : "float64");
    for (axis = 0; axis < a->axes; axis++) printf(axis ? ", %zu" : "%zu", a->shape[axis]);
    printf("], \"data\": \"");
    print_base64(bytes, width * a->size);
    printf("\"}");
    free(bytes);
}

/* --- The mathematics: given inputs (for a gradient, the cotangent before them), results are made --- */

typedef int (*function)(const array *in, array *out, const char *question); /* how many results there are */

static int elementwise(const array *x, array *out, double (*f)(double)) {
    size_t k;
    *out = like(x->axes, x->shape, x->single);
    for (k = 0; k < x->size; k++) out->x[k] = f(x->x[k]);
    return 1;
}

static double logistic(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double positive(double x) { return x > 0 || isnan(x) ? x : 0; }

static int sigmoid(const array *in, array *out, const char *q) { (void)q; return elementwise(in, out, logistic); }
static int relu(const array *in, array *out, const char *q) { (void)q; return elementwise(in, out, positive); }

static int sigmoid_gradient(const array *in, array *out, const char *q) {
    size_t k;
    (void)q;
    *out = like(in[1].axes, in[1].shape, in[1].single);
    for (k = 0; k < in[1].size; k++) /* s(x) s(-x): s (1 - s) would cancel where s is near 1 */
        out->x[k] = in[0].x[k] * logistic(in[1].x[k]) * logistic(-in[1].x[k]);
    return 1;
}

static int relu_gradient(const array *in, array *out, const char *q) {
    size_t k;
    (void)q;
    *out = like(in[1].axes, in[1].shape, in[1].single);
    for (k = 0; k < in[1].size; k++) out->x[k] = in[1].x[k] > 0 ? in[0].x[k] : 0;
    return 1;
}

/* The stretch of an axis: the axis has `length` elements, `step` apart. */
static void stretch(const array *x, const char *question, size_t *length, size_t *step) {
    const char *given = field(field(question, "attributes"), "axis");
    int axis = given ? (int)strtol(given, NULL, 10) : -1, k;
    if (axis < 0) axis += x->axes;
    *length = x->shape[axis], *step = 1;
    for (k = axis + 1; k < x->axes; k++) *step *= x->shape[k];
}

static int softmax(const array *x, array *out, const char *question) {
    size_t length, step, start, k;
    stretch(x, question, &length, &step);
    *out = like(x->axes, x->shape, x->single);
    for (start = 0; start < x->size; start++) {
        double most = -INFINITY, sum = 0;
        if (start / step % length) continue; /* not the first of its row */
        for (k = 0; k < length; k++) most = fmax(most, x->x[start + k * step]);
        for (k = 0; k < length; k++) sum += out->x[start + k * step] = exp(x->x[start + k * step] - most);
        for (k = 0; k < length; k++) out->x[start + k * step] /= sum;
    }
    return 1;
}

static int softmax_gradient(const array *in, array *out, const char *question) {
    size_t length, step, start, k, j;
    array p;
    softmax(in + 1, &p, question);
    stretch(in + 1, question, &length, &step);
    *out = like(p.axes, p.shape, p.single);
    for (start = 0; start < p.size; start++) {
        if (start / step % length) continue;
        for (k = 0; k < length; k++) { /* differences of cotangents: c_k - sum c_j p_j would cancel */
            double sum = 0;
            for (j = 0; j < length; j++)
                sum += p.x[start + j * step] * (in[0].x[start + k * step] - in[0].x[start + j * step]);
            out->x[start + k * step] = p.x[start + k * step] * sum;
        }
    }
    free(p.x);
    return 1;
}

static int affine(const array *in, array *out, const char *q) { /* x (N, D), W (D, K), b (K) */
    size_t N = in[0].shape[0], D = in[0].shape[1], K = in[1].shape[1], n, d, k, shape[2];
    (void)q;
    shape[0] = N, shape[1] = K;
    *out = like(2, shape, in->single);
    for (n = 0; n < N; n++)
        for (k = 0; k < K; k++) {
            double sum = in[2].x[k];
            for (d = 0; d < D; d++) sum += in[0].x[n * D + d] * in[1].x[d * K + k];
            out->x[n * K + k] = sum;
        }
    return 1;
}

static int affine_gradient(const array *in, array *out, const char *q) {
    size_t N = in[1].shape[0], D = in[1].shape[1], K = in[2].shape[1], n, d, k;
    int i;
    (void)q;
    for (i = 0; i < 3; i++) out[i] = like(in[i + 1].axes, in[i + 1].shape, in->single);
    for (n = 0; n < N; n++)
        for (k = 0; k < K; k++) {
            double g = in[0].x[n * K + k];
            for (d = 0; d < D; d++) {
                out[0].x[n * D + d] += g * in[2].x[d * K + k];
                out[1].x[d * K + k] += g * in[1].x[n * D + d];
            }
            out[2].x[k] += g;
        }
    return 3;
}

static int mse_loss(const array *in, array *out, const char *question) {
    const char *how = field(question, "reduction");
    int each = is(how, "none");
    size_t k;
    *out = like(each ? in->axes : 0, in->shape, in->single);
    for (k = 0; k < in->size; k++) {
        double d = in[0].x[k] - in[1].x[k];
        out->x[each ? k : 0] += d * d;
    }
    if (!each && !is(how, "sum")) out->x[0] /= (double)in->size;
    return 1;
}

static int mse_loss_gradient(const array *in, array *out, const char *question) {
    const char *how = field(question, "reduction");
    int each = is(how, "none");
    double scale = each || is(how, "sum") ? 2 : 2 / (double)in[1].size;
    size_t k;
    out[0] = like(in[1].axes, in[1].shape, in->single);
    out[1] = like(in[1].axes, in[1].shape, in->single);
    for (k = 0; k < in[1].size; k++) {
        out[0].x[k] = scale * in[0].x[each ? k : 0] * (in[1].x[k] - in[2].x[k]);
        out[1].x[k] = -out[0].x[k];
    }
    return 2;
}

static const struct { const char *name, *attributes; function value, gradient; } OPERATIONS[] = {
    {"sigmoid", "", sigmoid, sigmoid_gradient},
    {"relu", "", relu, relu_gradient},
    {"softmax", "\"axis\"", softmax, softmax_gradient},
    {"affine", "", affine, affine_gradient},
    {"mse_loss", "\"reduction\"", mse_loss, mse_loss_gradient},
};
#define COUNT (sizeof OPERATIONS / sizeof *OPERATIONS)

/* --- the protocol --- */

static void introduce(void) {
    size_t k;
    printf("\"protocol\": 1, \"name\": \"testee.c\", \"version\": \"1\", \"dtypes\": [\"float64\", \"float32\"], \"operations\": {");
    for (k = 0; k < COUNT; k++)
        printf("%s\"%s\": {\"attributes\": [%s], \"gradient\": true}", k ? ", " : "", OPERATIONS[k].name, OPERATIONS[k].attributes);
    printf("}");
}

static void answer(const char *question) {
    array in[INPUTS], out[INPUTS];
    const char *name = field(question, "operation"), *at, *text;
    int gradient = is(field(question, "do"), "gradient"), inputs = 0, results = 0, k;
    size_t op;
    answer_error[0] = 0;
    for (op = 0; op < COUNT && !is(name, OPERATIONS[op].name); op++) {}
    if (gradient && read_array(field(question, "cotangent"), in)) inputs = 1;
    for (text = field(question, "inputs") + 1; inputs < INPUTS && (at = read_array(text, in + inputs)); inputs++)
        text = at + strspn(at, ", ");
    if (op == COUNT) refuse("no such operation");
    if (!answer_error[0]) results = (gradient ? OPERATIONS[op].gradient : OPERATIONS[op].value)(in, out, question);
    if (answer_error[0]) printf("\"error\": \"unsupported\", \"message\": \"%s\"", answer_error);
    else {
        printf(gradient ? "\"result\": [" : "\"result\": ");
        for (k = 0; k < results; k++) { if (k) printf(", "); print_array(out + k); free(out[k].x); }
        if (gradient) printf("]");
    }
    for (k = 0; k < inputs; k++) free(in[k].x);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    setvbuf(stdin, NULL, _IOFBF, 1 << 20); /* a line in one piece: each piece wakes the other side up */
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    while (getline(&line, &room, stdin) > 0) {
        printf("{\"id\": %ld, ", strtol(field(line, "id"), NULL, 10));
        if (is(field(line, "do"), "hello")) introduce(); else answer(line);
        printf("}\n");
        fflush(stdout);
    }
    free(line);
    return 0;
}
