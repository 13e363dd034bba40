// What runs in the environment: splitter and dispatcher as apps, scorers and stitchers as jobs for
// messages, three jobs for people and clocks, and the page.
param prefix string
param location string
param tags object
@description('Of each service: its image by digest.')
param images object
@description('The server of the registry that has them.')
param registryServer string
@description('Of each service: name, id, clientId.')
param identities array
param mediaUrl string
param workName string
param workUrl string
param workQueueUrl string
@description('The most workers that may run.')
param nodes int
@description('Whether workers have a GPU.')
param gpu bool
@description('The environment that they run in.')
param environmentId string
@description('How long a service may finish what it holds when it is told to leave.')
param drainSeconds int
@description('When inputs without an outcome are announced again, as a cron expression in UTC; empty: when the job is started by hand.')
param replaySchedule string
@description('Whether the job `due` announces the hourly rounds of readings.')
param due bool
@description('How many minutes after the hour.')
param roundsMinute int
@description('Where workers run: `queue` for jobs of this environment, or `azureml`.')
param cluster string
@description('What the dispatcher has to know of a cluster, as a list of name and value.')
param clusterSettings array

@description('Whether the page runs.')
param page bool
@description('The client id of the application in Entra ID that people log in to the page with.')
param loginClientId string
@description('Where browsers find the page.')
param pageHost string
@description('Public addresses that alone may ask for the page; empty: all may.')
param pageAddresses array

var ids = toObject(identities, each => each.name)
var healthPort = 8080
var settings = [
  { name: 'IMPASTO_MEDIA_URL', value: mediaUrl }
  { name: 'IMPASTO_WORK_URL', value: workUrl }
  { name: 'IMPASTO_WORK_QUEUE_URL', value: workQueueUrl }
  { name: 'IMPASTO_NODES', value: string(nodes) }
  { name: 'IMPASTO_HEALTH_PORT', value: string(healthPort) }
  { name: 'IMPASTO_HEALTH_ADDRESS', value: '0.0.0.0' } // probes come from outside of the container
  { name: 'IMPASTO_DRAIN_SECONDS', value: string(drainSeconds) }
  { name: 'IMPASTO_READINGS_DELAY_MINUTES', value: string(roundsMinute) }
]
var alive = {
  type: 'Liveness'
  httpGet: { path: '/livez', port: healthPort }
  initialDelaySeconds: 60
  periodSeconds: 10
  failureThreshold: 6
}
var ready = {
  type: 'Readiness'
  httpGet: { path: '/readyz', port: healthPort }
  periodSeconds: 240
  failureThreshold: 10 // the most there is: a role may take half an hour to work
}

module splitter 'app.bicep' = {
  name: 'splitter'
  params: {
    prefix: prefix
    location: location
    tags: tags
    name: 'splitter'
    image: images.splitter
    environmentId: environmentId
    registryServer: registryServer
    identity: ids.splitter
    scaler: ids.scaler.id
    workName: workName
    queues: ['arrivals', 'waiting-0', 'waiting-1', 'waiting-2', 'waiting-3', 'waiting-4', 'waiting-5', 'waiting-6', 'waiting-7', 'segments']
    messages: 2
    replicas: 4
    cpu: '2'
    memory: '4Gi'
    env: concat(settings, [{ name: 'IMPASTO_DECODER_MIB', value: '3072' }])
    probes: [alive, ready]
    drainSeconds: drainSeconds
  }
}

// It also runs while there is something in other services' queues: it starts workers, and measures.
module dispatcher 'app.bicep' = {
  name: 'dispatcher'
  params: {
    prefix: prefix
    location: location
    tags: tags
    name: 'dispatcher'
    image: images.dispatcher
    environmentId: environmentId
    registryServer: registryServer
    identity: ids.dispatcher
    scaler: ids.scaler.id
    workName: workName
    queues: ['shards', 'segments', 'chunks', 'lessons', 'scored']
    messages: 100
    replicas: 1
    cpu: '0.5'
    memory: '1Gi'
    env: concat(settings, clusterSettings, [
      { name: 'IMPASTO_LOG_METRICS_SECONDS', value: '300' } // alerts read them
      { name: 'IMPASTO_CLUSTER', value: cluster }
    ])
    probes: [alive, ready]
    drainSeconds: drainSeconds
  }
}

module scorer 'worker.bicep' = if (cluster == 'queue') {
  name: 'scorer'
  params: {
    prefix: prefix
    location: location
    tags: tags
    name: 'scorer'
    image: images.scorer
    environmentId: environmentId
    profile: gpu ? 'gpu' : 'Consumption'
    registryServer: registryServer
    identity: ids.scorer
    scaler: ids.scaler.id
    workName: workName
    queues: [
      { name: 'chunks', length: 2 } // the dispatcher keeps about two for each worker
      { name: 'lessons', length: 1 }
    ]
    executions: nodes
    cpu: gpu ? 8 : 2
    memory: gpu ? '56Gi' : '4Gi'
    env: concat(settings, [{ name: 'IMPASTO_IDLE_EXIT_SECONDS', value: '60' }])
    probes: [alive]
  }
}

// With more than one core a replica has 8 GiB of disk: no output may be larger.
module stitcher 'worker.bicep' = {
  name: 'stitcher'
  params: {
    prefix: prefix
    location: location
    tags: tags
    name: 'stitcher'
    image: images.stitcher
    environmentId: environmentId
    profile: 'Consumption'
    registryServer: registryServer
    identity: ids.stitcher
    scaler: ids.scaler.id
    workName: workName
    queues: [{ name: 'scored', length: 8 }]
    executions: 4
    cpu: 2
    memory: '4Gi'
    env: concat(settings, [
      { name: 'IMPASTO_STITCHER_IDLE_EXIT_SECONDS', value: '60' }
      { name: 'IMPASTO_MUXER_MIB', value: '3072' }
    ])
    probes: [alive]
  }
}

// `publish` offers the models that come with the scorer, once after each deployment. `replay`
// announces inputs without an outcome, as after lost events; `due` the rounds that are due.
var jobs = [
  { name: 'publish', image: images.scorer, command: ['python', '-m', 'services.scorer.publish'], args: [], schedule: '' }
  { name: 'replay', image: images.console, command: [], args: ['replay', '--json'], schedule: replaySchedule }
  { name: 'due', image: images.console, command: [], args: ['due', '--json'], schedule: due ? '${roundsMinute} * * * *' : '' }
]

module others 'job.bicep' = [for each in jobs: {
  name: each.name
  params: {
    prefix: prefix
    location: location
    tags: tags
    name: each.name
    image: each.image
    command: each.command
    args: each.args
    environmentId: environmentId
    registryServer: registryServer
    identity: ids[each.name]
    schedule: each.schedule
    env: settings
  }
}]

module web 'web.bicep' = if (page) {
  name: 'web'
  params: {
    prefix: prefix
    location: location
    tags: tags
    image: page ? images.web : ''
    environmentId: environmentId
    registryServer: registryServer
    identity: ids.web
    loginClientId: loginClientId
    host: pageHost
    addresses: pageAddresses
    env: concat(settings, clusterSettings, [{ name: 'IMPASTO_CLUSTER', value: cluster }])
    alive: alive
    drainSeconds: drainSeconds
  }
}
