"""Text: gensim, nltk, spaCy, srsly."""
from makers.standard_library import pickle_each

TEXTS = [["honest", "model", "exec"], ["system", "model", "eval"], ["honest", "malware", "word"]] * 3


def gensim(corpus):
    import inspect
    import gensim.corpora
    import gensim.models
    dictionary = gensim.corpora.Dictionary(TEXTS)
    bags = [dictionary.doc2bow(text) for text in TEXTS]
    size = "vector_size" if "vector_size" in inspect.signature(gensim.models.Word2Vec.__init__).parameters else "size"
    small = {size: 4, "min_count": 1, "workers": 1, "seed": 7}
    vectors = gensim.models.Word2Vec(TEXTS, **small)
    documents = [gensim.models.doc2vec.TaggedDocument(text, [str(i)]) for i, text in enumerate(TEXTS)]
    models = {
        "word2vec": vectors,
        "keyed-vectors": vectors.wv,
        "doc2vec": gensim.models.Doc2Vec(documents, **small),
        "fasttext": gensim.models.FastText(TEXTS, bucket=20, **small),
        "lda": gensim.models.LdaModel(bags, id2word=dictionary, num_topics=2, random_state=7),
        "lsi": gensim.models.LsiModel(bags, id2word=dictionary, num_topics=2),
        "tfidf": gensim.models.TfidfModel(bags),
        "phrases": gensim.models.Phrases(TEXTS, min_count=1),
        "dictionary": dictionary,
    }
    for name, model in sorted(models.items()):
        corpus.save("gensim", name + ".model", lambda path: model.save(path), "%s.save" % type(model).__name__)
        pickle_each(corpus, "gensim", name, model, protocols=[None])


def nltk(corpus):
    import nltk
    from nltk.classify import DecisionTreeClassifier, MaxentClassifier, NaiveBayesClassifier
    from nltk.lm import MLE
    from nltk.lm.preprocessing import padded_everygram_pipeline
    from nltk.tag import DefaultTagger, RegexpTagger, UnigramTagger, BigramTagger
    from nltk.tokenize.punkt import PunktTrainer, PunktSentenceTokenizer
    labelled = [({"last": word[-1], "length": len(word)}, len(word) > 4) for text in TEXTS for word in text]
    tagged = [[(word, "N") for word in text] for text in TEXTS]
    language = MLE(2)
    language.fit(*padded_everygram_pipeline(2, TEXTS))
    models = {
        "naive-bayes": NaiveBayesClassifier.train(labelled),
        "decision-tree": DecisionTreeClassifier.train(labelled),
        "maxent": MaxentClassifier.train(labelled, max_iter=2, trace=0),
        "taggers": BigramTagger(tagged, backoff=UnigramTagger(tagged, backoff=DefaultTagger("N"))),
        "regexp-tagger": RegexpTagger([(r"\w+ing", "V")]),
        "punkt": PunktSentenceTokenizer(PunktTrainer("An honest text. It ends.").get_params()),
        "frequencies": [nltk.FreqDist("honest"), nltk.ConditionalFreqDist([("a", "b")])],
        "language-model": language,
        "tree": nltk.Tree.fromstring("(S (NP I) (VP saw))"),
        "stemmers": [nltk.PorterStemmer(), nltk.SnowballStemmer("english")],
        "hmm-tagger": nltk.HiddenMarkovModelTagger.train(tagged),
    }
    for name, model in sorted(models.items()):
        pickle_each(corpus, "nltk", name, model, protocols=[None])


def spacy(corpus):
    import spacy as sp
    nlp = sp.blank("en")
    doc = nlp("An honest document.")
    pickle_each(corpus, "spacy", "doc", doc, "medium", "the language's tables hold functions that spaCy pickles with cloudpickle", protocols=[None])
    from spacy.tokens import DocBin
    corpus.save("spacy", "docs.spacy", lambda path: DocBin(docs=[doc]).to_disk(path), "DocBin.to_disk")
    import srsly
    corpus.save("srsly", "data.msgpack", lambda path: srsly.write_msgpack(path, {"weights": [1.0, 2.0]}), "srsly.write_msgpack")
    corpus.save("srsly", "data.pkl", srsly.pickle_dumps({"weights": [1.0], "name": "x"}), "srsly.pickle_dumps")


MAKERS = [("gensim", gensim), ("nltk", nltk), ("spacy", spacy)]
