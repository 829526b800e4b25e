"""Function words by language: what a question is made of besides its subject.

Question words, negations and auxiliary verbs are among them. Words are lower case with their accents; unspaced
scripts (Chinese, Japanese) and Korean list the characters and pairs of characters that carry grammar alone.
"""

from __future__ import annotations

from typing import Final

STOP_WORDS: Final[dict[str, str]] = {
    "ar": """
        في من على إلى الى عن مع هذا هذه ذلك تلك هؤلاء أولئك هو هي هم هن أنا نحن أنت أنتم ما ماذا من متى أين كيف لماذا كم أي
        أية هل لا لم لن ليس ليست لما لو إذا إن أن أنه أنها إنه إنها كان كانت كانوا يكون تكون سوف قد لقد ثم أو أم بل لكن و ف ب
        ل ك بعد قبل بين عند عندما حتى كل بعض غير سوى منذ خلال حول ضد دون فوق تحت أمام وراء التي الذي الذين اللذين اللتان حيث
        كما أيضا فقط هنا هناك به بها له لها لهم عليه عليها فيه فيها منه منها وهو وهي وفي ومن وقد ولم ولا وأن وكان
        """,
    "be": """
        і ў у на з са са да ад па за для пра без пад над пры праз між не ні ня што хто дзе калі як чаму чый які якая якое якія
        колькі гэта гэты гэтая гэтыя той тая тое тыя ён яна яно яны я мы вы ты мне яго яе іх ім яму нам вам сябе быў была было
        былі ёсць будзе будуць або ці але а бо каб калі таксама толькі ўжо яшчэ пасля перад
        """,
    "bg": """
        и в във на с със за от до по при без под над през между не ни че да ще ли се си е са съм бе беше бяха бил била било
        били който която което които кой коя кое кои какво какъв каква какви кога къде как защо колко чий това този тази тези
        онзи онази онова онези той тя то те аз ние вие ти му ѝ им го я ги ме мен нас вас а но или ако като също само вече още
        след преди има няма бъде може
        """,
    "ca": """
        el la els les un una uns unes de del dels a al als en amb per pel pels sense sobre entre fins des que què qui quin
        quina quins quines quan on com quant quants perquè i o ni però si no ja és són era eren ha han haver ser estar està
        estan aquest aquesta aquests aquestes això aquell aquella es se li ho hi ens us em et meu seva seu seves seus més molt
        també només l d s n m t
        """,
    "cs": """
        a aby ale ani asi až bez bude budou by byl byla byli bylo byly být co což čeho čemu či do i jak jaká jaké jakou jaký
        je jeho její jejich jen jenž jestli ještě ji jí jich jim jimi jsem jsi jsme jsou jste k kam každý kde kdo kdy když ke
        který která které kteří kolik komu která má mají mezi mi mít mu na nad nám nás ne nebo než ní nic o od on ona oni ono
        ony pak po pod podle pro proč proti při s se si své svůj ta tak také tam tato te ten tento této to tohoto toho tom tomu
        tu ty u už v vám vás ve však vy z za ze zda že jejž čem kým čím jaká jací jakých
        """,
    "da": """
        og i at en et den det de der som til af for på med er var har havde have være været vil ville kan kunne skal skulle
        må måtte blive bliver blev ikke ingen intet om men eller så da når hvis fordi end efter før under over mellem mod ved
        fra ud op ned ind hen han hun vi jeg du man sig sin sit sine hans hendes dens deres os dem ham hende mig dig dette
        denne disse hvad hvem hvornår hvor hvordan hvorfor hvilken hvilket hvilke hvis hvorledes også kun allerede meget mere
        """,
    "de": """
        der die das den dem des ein eine einen einem einer eines und oder aber denn sondern doch als wie wenn weil dass daß ob
        obwohl damit zu zum zur im in ins an am ans auf aus bei beim bis durch für gegen mit nach ohne seit über um unter
        von vom vor während wegen zwischen ist sind war waren bin bist sei sein wird werden wurde wurden worden würde würden
        hat haben hatte hatten habe kann können konnte konnten soll sollen sollte muss müssen musste will wollen wollte darf
        dürfen mag ich du er sie es wir ihr man sich mich mir dich dir ihn ihm ihnen uns euch mein meine dein seine seinen
        seinem seiner ihre ihren ihrem ihrer unser unsere dieser diese dieses diesen diesem jener jene was wer wen wem wessen
        wann wo wohin woher warum wieso weshalb welche welcher welches welchen welchem wieviel nicht kein keine keinen nichts
        nie auch nur noch schon sehr mehr so da dort hier dann etwa ja nein bekommt gibt gab
        """,
    "el": """
        ο η το οι τα του της των τον την τους τις ένας μια μία ένα και ή αλλά όμως ότι πως που να θα δεν μη μην με σε στο στη
        στην στον στα στους στις από για προς παρά κατά μετά πριν χωρίς μεταξύ μέχρι ως αν όταν επειδή γιατί τι ποιος ποια ποιο
        ποιοι ποιες ποιους πότε πού πώς πόσο πόσα πόσοι είναι ήταν έχει έχουν είχε είχαν εγώ εσύ αυτός αυτή αυτό αυτοί αυτές
        αυτά εμείς εσείς μου σου μας σας τους αυτού αυτής αυτών εκείνος εκείνη εκείνο όπως επίσης μόνο πολύ πιο ήδη ακόμα
        """,
    "en": """
        a about above after again against all also am an and any are aren't as at be because been before being below between
        both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for from
        further had hadn't has hasn't have haven't having he he'd he'll he's her here here's hers herself him himself his how
        how's i i'd i'll i'm i've if in into is isn't it it's its itself just let's me might more most must mustn't my myself
        no nor not of off on once only or other ought our ours ourselves out over own same shall shan't she she'd she'll she's
        should shouldn't so some such than that that's the their theirs them themselves then there there's these they they'd
        they'll they're they've this those through to too under until up upon us very was wasn't we we'd we'll we're we've
        were weren't what what's when when's where where's which while who who's whom whose why why's will with within without
        won't would wouldn't yes yet you you'd you'll you're you've your yours yourself yourselves s t d ll re ve m
        """,
    "es": """
        el la los las lo un una unos unas de del a al en con por para sin sobre entre hasta desde hacia según contra durante
        tras ante bajo y e o u ni pero sino aunque que qué quien quién quienes quiénes cual cuál cuáles cuando cuándo donde
        dónde adónde como cómo cuanto cuánto cuántos cuánta cuántas cuyo porque si sí no ya más muy también solo sólo es son
        era eran fue fueron ser sido siendo está están estaba estaban estar ha han he había habían haber hay hubo será tiene
        tienen tenía puede pueden yo tú él ella ello ellos ellas nosotros vosotros usted ustedes me te se le les nos os mi mis
        tu tus su sus nuestro nuestra este esta esto estos estas ese esa eso esos esas aquel aquella aquellos aquellas
        """,
    "et": """
        ja on ei et see kes mis kus kuna millal kuidas miks milline millised kui aga või ning ka ta tema nad nemad ma mina me
        meie te teie sa sina oma selle seda need nende oli olid olnud olema ole pole saab sai võib juba veel ainult väga enne
        pärast kuni ilma üle alla vastu koos palju mida kelle keda kellele
        """,
    "fa": """
        و در به از که این آن را با برای است بود شد شده می های ها ای یک تا بر هم یا اما اگر نه نیز چه چی کی کجا چرا چگونه چطور
        کدام چند آیا هر همه هیچ او وی ما شما آنها آنان ایشان من تو خود باید نیست هستند هست بودند کرد کرده کردند دارد دارند
        داشت خواهد پس پیش بین روی زیر علیه درباره بدون
        """,
    "fi": """
        ja on ei että se ne hän he minä sinä me te oli ovat olivat ole olla ollut olisi jos kun kuin niin tai mutta vaan myös
        vain jo vielä mikä mitä mitkä kuka ketkä kenen ketä milloin missä mistä mihin miten miksi millainen kumpi kuinka joka
        jotka jonka jota jossa johon tämä tuo nämä nuo tämän sen niiden hänen heidän minun sinun meidän teidän itse kanssa
        ilman ennen jälkeen aikana mukaan vastaan yli alle asti koska sekä eli eivät en et emme ette voi voivat
        """,
    "fr": """
        le la les l un une des du de d et ou où mais donc or ni car que qu quoi qui quel quelle quels quelles quand comment
        pourquoi combien lequel laquelle dont si ne n pas plus jamais rien aucun aucune non oui à au aux en dans par pour sur
        sous sans avec entre vers chez contre depuis pendant avant après selon jusqu lors est sont était étaient être été sera
        seront fut ai as a avons avez ont avait avaient avoir eu aura peut peuvent doit fait je j tu il elle on nous vous ils
        elles me m te t se s lui leur leurs y moi toi soi eux mon ma mes ton ta tes son sa ses notre nos votre vos ce c cet
        cette ces cela ça ceci celui celle ceux celles même aussi très tout tous toute toutes comme lorsque lorsqu puisque
        puisqu parce déjà encore aujourd hui quelqu
        """,
    "he": """
        של את על עם אל מן אם או גם כי לא אין יש זה זו זאת אלה אלו הוא היא הם הן אני אנחנו אתה את אתם מה מי מתי איפה היכן איך
        כיצד למה מדוע כמה איזה איזו אילו האם היה היתה הייתה היו יהיה תהיה להיות כל רק עוד כבר מאוד יותר אבל אך אולם כמו בין
        לפני אחרי עד ללא נגד אשר שלו שלה שלהם אותו אותה אותם לו לה להם בו בה
        """,
    "hi": """
        का की के को में से पर और या है हैं था थी थे हो होता होती होते हुआ हुई हुए ने कि यह ये वह वे इस इन उस उन इसे उसे इसके
        उसके उनके अपने अपना अपनी मैं हम तुम आप क्या कौन किस किसने किसे किसका कब कहाँ कहां कैसे क्यों कितना कितने कितनी कौनसा
        नहीं न मत भी ही तो जो जब तक अगर लेकिन मगर साथ बाद पहले लिए द्वारा कर करना करने करता करते किया रहा रही रहे गया गई गए
        सकता सकते एक बहुत कुछ सब
        """,
    "hr": """
        i u na s sa za od do po pri bez pod nad kroz među o iz ne ni da li će ću ćemo je su sam smo ste bio bila bilo bili biti
        koji koja koje kojeg kojem kojim tko što šta kada kad gdje kako zašto koliko čiji kakav kakva ovo ovaj ova ove ovi to
        taj ta te ti on ona ono oni one ja mi vi ga ih im mu joj me nas vas se si svoj a ali ili ako jer nego kao također samo
        već još nakon prije
        """,
    "hu": """
        a az egy és vagy de hogy nem ne is ha mert mint meg el ki be fel le van vannak volt voltak lesz lesznek lenne lett én
        te ő mi ti ők ez ezek azok ezt azt ennek annak ami amely amelyek aki akik mit miért mikor hol hova honnan hogyan milyen
        melyik mennyi hány kinek kit mire már még csak nagyon több után előtt között alatt fölött szerint ellen nélkül által
        számára való így úgy akkor itt ott sem se vele neki minden kik mik
        """,
    "id": """
        dan yang di ke dari untuk pada dengan oleh dalam adalah ialah itu ini tidak bukan akan telah sudah sedang masih juga
        saja hanya atau tetapi tapi namun jika kalau karena agar supaya sebagai seperti antara setelah sebelum sejak hingga
        sampai tanpa terhadap tentang apa siapa kapan mana dimana bagaimana mengapa kenapa berapa apakah dia ia mereka kami
        kita saya aku anda kamu nya para sebuah seorang bisa dapat harus ada lebih sangat
        """,
    "it": """
        il lo la i gli le l un uno una di del dello della dei degli delle dell a al allo alla ai agli alle all da dal dallo
        dalla dai dagli dalle dall in nel nello nella nei negli nelle nell su sul sullo sulla sui sugli sulle sull con per tra
        fra e ed o ma però se che chi cosa cui quale quali quando dove come perché quanto quanta quanti quante non né più
        molto anche solo già ancora è sono era erano essere stato stata stati state fu furono sarà ha hanno ho aveva avevano
        avere può possono deve io tu lui lei noi voi loro mi ti si ci vi ne lo li suo sua suoi sue mio mia nostro vostro
        questo questa questi queste quello quella quelli quelle d c s
        """,
    "ja": """
        の に は を が で と も へ や か ら た し て な れ い る す う き く こ そ あ え お だ ば よ ね
        する した して され てい いる いた ます まし です でし ない なっ なる った って から まで など こと もの ため これ それ
        あれ この その あの ここ そこ どこ だれ 誰が 誰は なに なん 何が 何を 何で 何の いつ どう なぜ どの どれ では には とは のは
        のか への との での にも でも という いう よう れた れる ある あっ あり おり また およ および しか かし よる より によ とし
        について つい いて おい ると うと らの たち ので のに せる せん たい だっ った ろう ても であ
        """,
    "ko": """
        그리고 그러나 하지만 그래서 또는 혹은 및 이 그 저 것 수 등 들 때 왜 누가 누구 누구를 무엇 무엇을 무엇이 무엇인가 언제
        어디 어디서 어디에 어떻게 어떤 어느 무슨 얼마나 몇 얼마 에서 으로 에게 까지 부터 에는 에도 이다 했다 한다 하는 하고 하며
        했고 하기 하여 해서 된다 됐다 되는 되고 있다 있는 있고 있어 있었 었다 았다 였다 없다 않는 않다 않았 니다 습니 입니 합니
        것은 것이 것을 대해 대한 위해 위한 통해 따라 따르 라고 이라 다고 는데 면서 지만
        """,
    "lt": """
        ir yra buvo bus kad kas ką ko kam kuo kur kada kaip kodėl kiek koks kokia kokie kokį kuris kuri kurie kurios ne nei
        bet ar arba o iš į su be per prie po prieš už apie nuo iki tarp ant dėl jis ji jie jos aš mes jūs tu jo jos jų tai šis
        ši šie šios tas ta tie tos dar jau tik labai taip pat
        """,
    "lv": """
        un ir bija būs ka kas ko kam kur kad kāpēc kā cik kāds kāda kādi kurš kura kuri kuras ne nav bet vai no ar bez par pie
        pēc pirms uz starp līdz caur viņš viņa viņi es mēs jūs tu tas tā tie tās šis šī šie šīs jau vēl tikai ļoti arī lai
        """,
    "nl": """
        de het een en of maar want dus dat die deze dit daar hier er wat wie wanneer waar waarom hoe welke welk hoeveel wiens
        ik jij je u hij zij ze wij we jullie hen hun haar hem zich mij me jou ons onze mijn zijn is was waren ben bent wordt
        worden werd werden heeft hebben had hadden kan kunnen kon konden zal zullen zou zouden moet moeten mag wil willen niet
        geen niets nooit ook nog al alleen zeer meer in op aan van voor met bij naar uit over onder tussen tegen door zonder
        tot sinds tijdens na om te ter als dan toen omdat terwijl hoewel indien 't krijgt
        """,
    "no": """
        og i at en ei et den det de der som til av for på med er var har hadde ha være vært vil ville kan kunne skal skulle må
        måtte bli blir ble ikke ingen om men eller så da når hvis fordi enn etter før under over mellom mot ved fra ut opp ned
        inn han hun vi jeg du man seg sin sitt sine hans hennes deres oss dem ham henne meg deg dette denne disse hva hvem når
        hvor hvordan hvorfor hvilken hvilket hvilke også bare allerede mye mer dere
        """,
    "pl": """
        a aby ach aj albo ale ależ ani aż bardziej bardzo bez bo bowiem by być była był było były byli będzie będą chce choć co
        coraz czy czyj czyja czyje czym czego czemu dla dlaczego do dokąd dziś gdy gdyby gdyż gdzie go i ich ile im inne inny
        iż ja jak jaka jaki jakie jakich jakiej jakim jaką jako je jednak jego jej jemu jest jestem jeśli jeżeli już każdy
        kiedy kto kogo komu która które którego której który których którym którymi którą którzy ku lecz lub ma mają może
        mogą mi mnie mną moja moje mój mu my na nad nam nami nas nasz nasza nasze nawet nic nich nie niego niej niemu nigdy nim
        nimi niż no o od około on ona one oni ono oraz pan pani po pod podczas poza przed przede przez przy przecież raz również
        są się sam siebie sobie sobą skąd swoje swój swoją swojej swoim swoich ta tak taka taki takie także tam te tego tej ten
        temu też to tobie tu tutaj twoja twoje twój ty tych tylko tym tę tą u w we według wam wami was wasz wasza wasze wiele
        więc wszystkie wszystko wtedy wy z za zaś zawsze ze że żaden żeby został została zostało zostali m.in
        """,
    "pt": """
        o a os as um uma uns umas de do da dos das em no na nos nas ao à aos às por pelo pela pelos pelas para pra com sem
        sobre entre até desde contra durante após segundo e ou nem mas porém que quê quem qual quais quando onde como quanto
        quanta quantos quantas porque porquê cujo cuja se não sim já mais muito também só é são era eram foi foram ser sido
        está estão estava estavam estar há houve tem têm tinha tinham ter será pode podem eu tu ele ela eles elas nós vós você
        vocês me te lhe lhes meu minha seu sua seus suas nosso nossa este esta isto estes estas esse essa isso esses essas
        aquele aquela aquilo aqueles aquelas num numa
        """,
    "ro": """
        și sau dar că să nu ce cine cui când unde cum cât câtă câți câte care căruia cărei de la în din pe cu fără pentru prin
        peste sub între către până după înainte contra este e sunt era erau fi fost va vor ar are au a am ai avea un o unui
        unei unor niște al ale ai lui ei lor el ea eu noi voi tu îl îi le îmi își se mă te acest această acești aceste acesta
        aceasta acel acea acei acele aceea mai foarte doar numai și deja încă dacă deoarece ca decât nici nimic
        """,
    "ru": """
        а без бы был была были было быть в вам вас весь во вот все всех всего вы где да даже для до его ее её если есть еще ещё
        же за зачем и из или им их к как какая какие какой каких каком каким кем ко когда кого кому кто куда ли либо мне может
        могут мы на над нас не него нее неё нет ни них но ну о об один он она они оно от откуда перед по под после потому
        почему при про с сам свой своего свои своей своих своим себе себя со сколько та так также такой там те тем то того
        тоже той только том тот ту ты у уже чего чей чем чему что чтобы чья эта эти этих это этого этой этом этот эту я между
        через которая которого которой котором которые который которых которым которую будет будут
        """,
    "sk": """
        a aby aj ak ako aká aké akí akú aký ale alebo ani asi až bez bol bola boli bolo bude budú by byť či čo čoho čomu do ho
        i ich im ja je jeho jej k každý kam kde kedy keď kto koho komu koľko ktorá ktoré ktorého ktorej ktorí ktorú ktorý ma
        majú má medzi mi mu my na nad nám nás než nie nič o od on ona oni ono po pod podľa pre prečo pred pri proti s sa si so
        som ste sme sú svoje svoj ta tak také takže tam táto ten tento tejto to toho tom tomu toto tu ty tým u už v vám vás vo
        však vy z za zo že iba len ešte aj kým čím čom akých ktorých ktorým
        """,
    "sl": """
        in je so ni da ne se si sem smo ste bil bila bilo bili biti bo bodo kaj kdo kdaj kje kam kako zakaj koliko kateri
        katera katero kateri kakšen kakšna kakšno čigav v na z s za od do po pri brez pod nad skozi med o iz k ta to te ti tisti
        on ona ono oni jaz mi vi ga jih jim mu ji me nas vas svoj a ali ampak pa ker če kot tudi samo že še pred ki bi
        """,
    "sr": """
        и у на с са за од до по при без под над кроз међу о из не ни да ли ће је су сам смо сте био била било били бити који
        која које ког којег којем којим ко шта кад када где како зашто колико чији какав каква ово овај ова ове ови то тај та
        те ти он она оно они оне ја ми ви га их им му јој се свој а али или ако јер него као такође само већ још после пре
        i u na s sa za od do po pri bez pod nad kroz među o iz ne ni da li će je su sam smo ste bio bila bilo bili biti koji
        koja koje ko šta kad kada gde kako zašto koliko čiji ovo ovaj ova to taj on ona oni a ali ili ako jer kao samo već još
        """,
    "sv": """
        och i att en ett den det de som till av för på med är var har hade ha vara varit vill ville kan kunde ska skall skulle
        måste bli blir blev inte ingen inget om men eller så då när ifall eftersom än efter före under över mellan mot vid från
        ut upp ner in han hon vi jag du man sig sin sitt sina hans hennes dess deras oss dem honom henne mig dig detta denna
        dessa vad vem vilka vilken vilket när var vart hur varför vems också bara redan mycket mer ni er får
        """,
    "tr": """
        ve veya ya da de ile için bu şu o bir her çok daha en gibi kadar göre sonra önce ama fakat ancak ne neden niçin niye
        nasıl kimin kime kimi nerede nereye nereden hangi kaç mı mi mu mü değil yok var olan olarak oldu olur olduğu ki ise
        hem ben sen biz siz onlar onu ona onun bunu buna bunun beni bana sana bize size kendi ayrıca sadece artık hala hiç
        tarafından arasında üzerinde karşı ediyor etti edildi neler zaman
        """,
    "uk": """
        а аби або адже але без би був була були було бути в вам вас весь ви від вже він вона вони воно все всі всіх всього вся
        де для до його її їй їм їх є же за заради з зі із і й й інший і із коли ким кого кому котрий куди ледве лиш лише мене
        мені між ми може можуть на над нам нас наш не нема немає неї нею ним ними них ні ніж ніщо о об один от ось по при про
        під після поки потім перед проти свій своє свого своєї своїх своїм себе собі скільки та так така таке такий також там
        те тебе ти тим тих то того тоді той тому тут у хто хоч хоча це цей ця ці цих цього цьому цією цю чи чий чия чого чому
        чим що щоб щодо як яка яке якесь який якого якої якому яку якщо якою яких якими які я через буде будуть ще саме
        """,
    "vi": """
        và của là có không được cho với trong các một những này đó đã đang sẽ để từ đến tại về khi nào ai gì sao thế nào đâu
        bao nhiêu mấy tại sao vì nếu nhưng hoặc hay thì mà ra vào lên xuống theo bởi do như cũng chỉ rất hơn nhất nhiều ở bị
        tôi chúng ta họ ông bà anh chị nó mình người nữa cùng qua trên dưới giữa trước sau
        """,
    "zh": """
        的 了 在 是 和 与 及 或 也 都 就 而 不 没 没有 有 被 把 对 从 到 向 由 于 以 为 为了 因为 因此 所以 但 但是 如果 这 那 这个
        那个 这些 那些 他 她 它 他们 她们 它们 我 我们 你 你们 谁 什么 什麼 何时 哪里 哪裡 哪儿 怎么 怎麼 怎样 怎樣 为什 为何 為何
        為什 麼時 么时 多少 哪些 哪个 哪個 如何 吗 嗎 呢 吧 着 著 過 过 得 地 之 其 此 等 个 個 們 们 與 這 為 沒 對 從 會 会 将
        將 已经 已經 可以 能够 以及 還是 还是 一个 一個
        """,
}
