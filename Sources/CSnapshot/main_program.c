/*
 * Runs the main program of a restored Python.
 *
 * When the interpreter opens the program's file it has nothing else left to do, and no frame of Python's is
 * on the stack: that is where this takes over, in the template and then in each process that is restored. It
 * leaves the process without taking apart what the template loaded, which costs Python more than a small
 * program takes: each object of it would be written to, and each page of it copied. The program's own objects
 * end as ever; sitecustomize.py has that part.
 *
 * Functions of Python's stable interface, looked up when the library is loaded. Whatever sitecustomize.py
 * does not want to deal with is left to an interpreter of its own.
 */
#include "snapshot.h"
#include "sys.h"
#include "text.h"

typedef struct object {
    long count;
} object;

#define OPTIONAL __attribute__((weak))

extern object *PySys_GetObject(const char *name) OPTIONAL;
extern int PySys_SetObject(const char *name, object *value) OPTIONAL;
extern object *PyObject_CallFunctionObjArgs(object *function, ...) OPTIONAL;
extern object *PyEval_EvalCode(object *code, object *globals, object *locals) OPTIONAL;
extern object *PyImport_AddModule(const char *name) OPTIONAL;
extern object *PyModule_GetDict(object *module) OPTIONAL;
extern object *PyTuple_GetItem(object *tuple, long index) OPTIONAL;
extern long PyLong_AsLong(object *number) OPTIONAL;
extern void Py_DecRef(object *value) OPTIONAL;
extern void Py_IncRef(object *value) OPTIONAL;
extern int PyErr_ExceptionMatches(object *kind) OPTIONAL;
extern void PyErr_Fetch(object **kind, object **value, object **traceback) OPTIONAL;
extern void PyErr_NormalizeException(object **kind, object **value, object **traceback) OPTIONAL;
extern void PyErr_Print(void) OPTIONAL;
extern void PyErr_Clear(void) OPTIONAL;
extern object _Py_NoneStruct OPTIONAL;
extern object *PyExc_SystemExit OPTIONAL;
extern object *PyExc_KeyboardInterrupt OPTIONAL;
extern int PyGILState_Ensure(void) OPTIONAL;
extern void PyGILState_Release(int state) OPTIONAL;
extern void *dlsym(void *handle, const char *name) OPTIONAL;
extern void exit(int status) OPTIONAL;

static int has_interface(void) {
    return PySys_GetObject && PySys_SetObject && PyObject_CallFunctionObjArgs && PyEval_EvalCode &&
           PyImport_AddModule && PyModule_GetDict && PyTuple_GetItem && PyLong_AsLong && Py_DecRef &&
           Py_IncRef && PyErr_ExceptionMatches && PyErr_Fetch && PyErr_NormalizeException && PyErr_Print &&
           PyErr_Clear && PyGILState_Ensure && PyGILState_Release && &_Py_NoneStruct && &PyExc_SystemExit &&
           &PyExc_KeyboardInterrupt && exit;
}

/* The exit status after the program's end, or after the exception that is set. -1: an interrupt. */
static long status_of(object *result, object *status_of_exit) {
    object *kind = 0, *value = 0, *traceback = 0;
    if (result != 0)
        return 0;
    if (PyErr_ExceptionMatches(PyExc_SystemExit)) {
        PyErr_Fetch(&kind, &value, &traceback);
        PyErr_NormalizeException(&kind, &value, &traceback);
        object *status = PyObject_CallFunctionObjArgs(status_of_exit, value, (object *)0);
        long number = status == 0 ? 1 : PyLong_AsLong(status);
        PyErr_Clear();
        Py_DecRef(status);
        Py_DecRef(kind);
        Py_DecRef(value);
        Py_DecRef(traceback);
        return number;
    }
    int is_interrupt = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);
    PyErr_Print();
    return is_interrupt ? -1 : 1;
}

/* Runs the program and ends the process. Returns an empty file for the interpreter to run instead when the
 * program ran and only the end is left. `start`: what sitecustomize.py made. */
static const char *run_main_program(object *start) {
    object *steps = PyObject_CallFunctionObjArgs(start, (object *)0); /* goes on here in a restored process */
    object *module = steps == 0 || steps == &_Py_NoneStruct ? 0 : PyImport_AddModule("__main__");
    object *globals = module == 0 ? 0 : PyModule_GetDict(module);
    if (globals == 0)
        snapshot_give_up();
    object *code = PyTuple_GetItem(steps, 0), *status_of_exit = PyTuple_GetItem(steps, 1),
           *finish = PyTuple_GetItem(steps, 2);
    object *result = PyEval_EvalCode(code, globals, globals);
    long status = status_of(result, status_of_exit);
    Py_DecRef(result);
    object *is_finished = PyObject_CallFunctionObjArgs(finish, (object *)0);
    long finished = is_finished == 0 ? 0 : PyLong_AsLong(is_finished);
    PyErr_Clear();
    if (finished != 1)
        return "/dev/null";
    /* An interrupt ends the process by its signal, as it ends Python. */
    if (status == -1) {
        uint64_t by_default[4] = {0};
        SYS_CALL_4(__NR_rt_sigaction, 2 /* SIGINT */, by_default, 0, sizeof(uint64_t));
        SYS_CALL_2(__NR_kill, SYS_CALL_0(__NR_getpid), 2);
    }
    exit((int)status);
    return "/dev/null";
}

/* The first file that the interpreter opens by this function, once sitecustomize.py is done, is the
 * program's. */
static void *open_file(const char *function, const char *path, const char *mode) {
    static int is_over;
    if (!is_over && has_interface()) {
        int state = PyGILState_Ensure(); /* Python opens files without its lock */
        object *start = PySys_GetObject("_swift_sandbox");
        if (start != 0) {
            is_over = 1;
            /* Not freed: the program must not find it, and the template's objects are not taken apart. */
            Py_IncRef(start);
            PySys_SetObject("_swift_sandbox", 0);
            path = run_main_program(start);
        }
        PyGILState_Release(state);
    }
    void *(*next)(const char *, const char *) = 0;
    if (dlsym != 0)
        next = (void *(*)(const char *, const char *))dlsym((void *)-1 /* RTLD_NEXT */, function);
    return next == 0 ? 0 : next(path, mode);
}

__attribute__((visibility("default"))) void *fopen(const char *path, const char *mode);
__attribute__((visibility("default"))) void *fopen64(const char *path, const char *mode);

void *fopen(const char *path, const char *mode) {
    return open_file("fopen", path, mode);
}

void *fopen64(const char *path, const char *mode) {
    return open_file("fopen64", path, mode);
}
