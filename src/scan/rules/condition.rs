//! The conditions under which a callable is safe: each names a rule on its arguments that the pickle machine carries out.
//!
//! The build script includes this file too, to refuse a table that names a condition that nobody carries out. It must therefore
//! use nothing but the standard library.

macro_rules! conditions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// A rule on the arguments of a callable that is safe only with those that it has in models.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Condition {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Condition {
            /// All conditions.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word for it in the tables.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The name of the variant, for the build script.
            pub const fn variant(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }
        }
    };
}

conditions! {
    /// `(object, name[, default])`: safe when `object` is a callable of the tables and `object.name` is itself judged safe.
    Getattr = "getattr",
    /// `(..., bytes, ...)`: the bytes are a pickle that is loaded; safe when they are known and clean.
    LoadsPickleBytes = "loads-pickle-bytes",
    /// `(bytes)`: the bytes are what `torch.save` writes and are loaded; safe when they are known and clean.
    TorchLoadBytes = "torch-load-bytes",
    /// `(file object)`: its bytes are a model archive of another format that is loaded without that format's safe mode.
    LoadsArchiveBytes = "loads-archive-bytes",
    /// `(object, name, value)`: safe when `object` was made by code that this file carries and `name` is not an attribute of escape.
    Setattr = "setattr",
    /// `(callable, *arguments)`: calls, or keeps to call later, its first argument; safe when that call would be.
    CallsFirstArgument = "calls-first-argument",
    /// `(callable, iterable)`: calls its first argument with each item once consumed; safe when the callable is.
    MapsFirstArgument = "maps-first-argument",
    /// `(callable or None)`: keeps a factory that a later look-up calls without arguments; safe when it is an inert type or `None`.
    KeepsFactory = "keeps-factory",
    /// `(text, encoding)`: safe when both are constants and the encoding is one of text to bytes (latin1, utf-8, ascii).
    CodecsEncode = "codecs-encode",
    /// `(class, base, state)`: makes `class` by `base.__new__(class, state)`; safe when both are classes that may be constructed.
    CopyregReconstructor = "copyreg-reconstructor",
    /// `(class, *arguments)` or `(class, arguments, keywords)`: `class.__new__`; safe as NEWOBJ of `class` is.
    CopyregNewobj = "copyreg-newobj",
    /// `(function, type, arguments, state)`: calls `function(*arguments)`, sets `type` on the result and fills it; safe when that call
    /// and that construction are.
    RebuildFromType = "rebuild-from-type",
    /// Runs source text that is among its arguments; its severity follows from what the text does.
    ExecutesSource = "executes-source",
    /// Makes a function or class from code that is carried in the file; its severity follows from what the code does.
    CarriesCode = "carries-code",
    /// `(name or class[, constructor])`: safe when the first is one of numpy's bit generators (MT19937, PCG64, PCG64DXSM, Philox, SFC64), and the
    /// second, which is called with the first, is absent or numpy's own `__bit_generator_ctor`.
    BitGeneratorName = "bit-generator-name",
    /// `(class, shape, type code)`, or `(class, class, shape, type code)` for masked arrays: safe when each class is `numpy.ndarray` or a listed
    /// subclass of it.
    NumpyReconstruct = "numpy-reconstruct",
    /// Safe only as the class that `numpy-reconstruct` is given; constructing or calling it opens a file.
    ArrayClass = "array-class",
    /// `(descriptor[, align, copy])`: safe with constants; a descriptor that names a class must be an inert one.
    NumpyDtype = "numpy-dtype",
    /// `(dtype, bytes)`: safe with a plain dtype; with the object dtype the bytes are a pickle that is loaded.
    NumpyScalar = "numpy-scalar",
    /// `(module, name)`: imports the module and takes the attribute; safe when both are constants and that path is itself judged safe.
    UfuncName = "ufunc-name",
    /// Constructed and filled; raw array bytes follow in the stream, and with the object dtype a nested pickle.
    JoblibArrayWrapper = "joblib-array-wrapper",
    /// Constructed and filled; names a companion file that is loaded. Safe when the name is a plain file name.
    JoblibFileWrapper = "joblib-file-wrapper",
    /// `(name)`: imports the module that is named; safe when the name is a constant and the module is of a listed framework.
    ImportsModule = "imports-module",
    /// `(object, name)`: rebuilds a pickled bound method or attribute by name; judged as `getattr`.
    BoundMethod = "bound-method",
    /// `(pattern[, flags])`: compiles a regular expression; safe with constants.
    RegexCompile = "regex-compile",
    /// `(text)`: opens or saves the path or address that is given when used; safe without arguments, or with a constant plain path.
    TouchesPath = "touches-path",
    /// `(specification, ...)`: attributes by dotted names (attrgetter, itemgetter, methodcaller); safe when no name is a dunder and the result
    /// is not applied to a module or function.
    AttributeNames = "attribute-names",
    /// `(name, fields)`: makes a class from constant identifiers; safe when all names are constants and identifiers.
    NamedFields = "named-fields",
    /// Safe with one argument only: `type` with three makes a class, `iter` with two calls its first.
    OneArgument = "one-argument",
}
