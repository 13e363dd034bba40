// All of Impasto in one resource group. Deployed twice the first time: without `images`, to have a
// registry to push them to, and then with them.
@description('dev or prod.')
@allowed(['dev', 'prod'])
param stage string
param location string = resourceGroup().location
@minLength(3)
@maxLength(8)
param prefix string = 'impasto'
@description('Of each of splitter, dispatcher, scorer, stitcher, console and web: its image by digest. Empty: no service.')
param images object = {}
@description('Whether storage, registry and workspace are reached through private endpoints alone.')
param private bool
@description('Public addresses from which people reach the media account and the page even so.')
param peopleAddresses array = []
@description('The most workers that may run.')
param nodes int
@description('Whether workers have a GPU.')
param gpu bool
@description('How long a service may finish what it holds when it is told to leave.')
@minValue(0)
@maxValue(570)
param drainSeconds int = 60
@description('A cron expression in UTC, or empty.')
param replaySchedule string = ''
@description('Whether workers run on an Azure Machine Learning cluster, instead of as jobs of Container Apps.')
param workspace bool = false
@description('The size of that cluster\'s nodes.')
param vmSize string = 'STANDARD_NC4AS_T4_V3'
@description('Who gets alerts and the budget\'s warnings.')
param alertEmail string
@description('In the currency of the subscription.')
param monthlyBudget int
@description('The first day of the month in which it was first deployed, as 2026-11-01.')
param budgetStart string
@description('The most logs that are taken in a day, in GB.')
param dailyLogsGb int = 1
@description('owner/name of the repository whose workflow may deploy; empty: none.')
param githubRepository string = ''
@description('The client id of the application in Entra ID that people log in to the page with; empty: no page.')
param loginClientId string = ''

@description('Whether an event hub takes in readings and writes them to storage.')
param eventHubs bool = false
@description('Whether Stream Analytics writes them, an hour a folder, instead of the hub\'s Capture.')
param streamAnalytics bool = false
@description('Who announces the hourly rounds of readings: the job `due`, a Logic App, or nobody.')
@allowed(['job', 'logic', 'nobody'])
param rounds string = 'nobody'
@description('How many minutes after the hour: readings may still arrive until then.')
@minValue(6) // Capture writes every five
@maxValue(59)
param roundsMinute int = 10

var tags = { application: 'impasto', stage: stage }
var names = loadJsonContent('storage.json')
var table = loadJsonContent('roles.json')
var services = ['splitter', 'dispatcher', 'scorer', 'stitcher', 'replay', 'publish', 'due', 'web']
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var hasImages = !empty(images)
var hasPage = contains(images, 'web') && !empty(loginClientId)

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    prefix: prefix
    location: location
    tags: tags
    names: concat(services, ['scaler', 'deploy'])
    githubRepository: githubRepository
    githubEnvironment: stage
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    prefix: prefix
    location: location
    tags: tags
    names: names
    private: private
    peopleAddresses: peopleAddresses
    pageOrigin: hasPage ? 'https://${environments.outputs.pageHost}' : ''
  }
}

module rbac 'modules/rbac.bicep' = {
  name: 'rbac'
  params: {
    table: table
    identities: identity.outputs.all
    mediaName: storage.outputs.mediaName
    mediaContainers: names.media
    workName: storage.outputs.workName
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    prefix: prefix
    location: location
    tags: tags
    private: private
    pullers: map(filter(identity.outputs.all, each => contains(services, each.name)), each => each.principalId)
    pusher: first(filter(identity.outputs.all, each => each.name == 'deploy')).principalId
  }
}

module events 'modules/events.bicep' = {
  name: 'events'
  params: {
    prefix: prefix
    location: location
    tags: tags
    mediaId: storage.outputs.mediaId
    workId: storage.outputs.workId
    workName: storage.outputs.workName
  }
}

module hubs 'modules/eventhubs.bicep' = if (eventHubs) {
  name: 'eventhubs'
  params: {
    prefix: prefix
    location: location
    tags: tags
    mediaId: storage.outputs.mediaId
    mediaName: storage.outputs.mediaName
    streamAnalytics: streamAnalytics
    private: private
  }
}

module logic 'modules/logic.bicep' = if (rounds == 'logic') {
  name: 'logic'
  params: {
    prefix: prefix
    location: location
    tags: tags
    workName: storage.outputs.workName
    workQueueUrl: storage.outputs.workQueueUrl
    minute: roundsMinute
  }
}

module network 'modules/network.bicep' = if (private) {
  name: 'network'
  params: {
    prefix: prefix
    location: location
    tags: tags
    pageAddresses: hasPage ? peopleAddresses : []
  }
}

module environments 'modules/environment.bicep' = if (hasImages) {
  name: 'environment'
  params: {
    prefix: prefix
    location: location
    tags: tags
    subnetId: private ? network.outputs.appsSubnetId : ''
    gpu: gpu
    page: hasPage
  }
}

module ml 'modules/workspace.bicep' = if (workspace) {
  name: 'workspace'
  params: {
    prefix: prefix
    location: location
    tags: tags
    identities: identity.outputs.all
    nodes: nodes
    vmSize: vmSize
    private: private
    subnetId: private ? network.outputs.nodesSubnetId : ''
  }
}

module endpoints 'modules/endpoints.bicep' = if (private) {
  name: 'endpoints'
  params: {
    prefix: prefix
    location: location
    tags: tags
    networkId: network.outputs.id
    subnetId: network.outputs.endpointsSubnetId
    endpoints: concat([
      { name: 'media', id: storage.outputs.mediaId, group: 'blob', zones: [blobZone] }
      { name: 'work', id: storage.outputs.workId, group: 'blob', zones: [blobZone] }
      { name: 'queues', id: storage.outputs.workId, group: 'queue', zones: ['privatelink.queue.${environment().suffixes.storage}'] }
      { name: 'registry', id: registry.outputs.id, group: 'registry', zones: ['privatelink.azurecr.io'] }
    ], eventHubs ? [
      { name: 'hubs', id: hubs.outputs.id, group: 'namespace', zones: ['privatelink.servicebus.windows.net'] }
    ] : [], workspace ? [
      { name: 'ml-files', id: ml.outputs.storageId, group: 'blob', zones: [blobZone] }
      { name: 'vault', id: ml.outputs.vaultId, group: 'vault', zones: ['privatelink.vaultcore.azure.net'] }
      { name: 'workspace', id: ml.outputs.id, group: 'amlworkspace', zones: ['privatelink.api.azureml.ms', 'privatelink.notebooks.azure.net'] }
    ] : [])
  }
}

module apps 'modules/apps.bicep' = if (hasImages) {
  name: 'apps'
  dependsOn: [rbac, endpoints]
  params: {
    prefix: prefix
    location: location
    tags: tags
    images: images
    registryServer: registry.outputs.server
    identities: identity.outputs.all
    mediaUrl: storage.outputs.mediaUrl
    workName: storage.outputs.workName
    workUrl: storage.outputs.workUrl
    workQueueUrl: storage.outputs.workQueueUrl
    nodes: nodes
    gpu: gpu
    environmentId: environments.outputs.id
    drainSeconds: drainSeconds
    replaySchedule: replaySchedule
    due: rounds == 'job'
    roundsMinute: roundsMinute
    cluster: workspace ? 'azureml' : 'queue'
    clusterSettings: workspace ? concat(ml.outputs.settings, [{ name: 'IMPASTO_WORKER_IMAGE', value: images.scorer }]) : []
    page: hasPage
    loginClientId: loginClientId
    pageHost: environments.outputs.pageHost
    pageAddresses: private ? peopleAddresses : []
  }
}

module monitor 'modules/monitor.bicep' = {
  name: 'monitor'
  params: {
    prefix: prefix
    location: location
    tags: tags
    email: alertEmail
    dailyLogsGb: dailyLogsGb
    mediaId: storage.outputs.mediaId
    workId: storage.outputs.workId
    topicId: events.outputs.topicId
    environmentName: hasImages ? environments.outputs.name : ''
    cluster: workspace
  }
}

module budget 'modules/budget.bicep' = {
  name: 'budget'
  params: {
    prefix: prefix
    amount: monthlyBudget
    start: budgetStart
    email: alertEmail
  }
}

output registryServer string = registry.outputs.server
output mediaName string = storage.outputs.mediaName
output mediaUrl string = storage.outputs.mediaUrl
output workName string = storage.outputs.workName
output workUrl string = storage.outputs.workUrl
output workQueueUrl string = storage.outputs.workQueueUrl
@description('The page; empty while nobody can log in to it.')
output pageUrl string = hasPage ? 'https://${environments.outputs.pageHost}' : ''
@description('Where it is, or will be.')
output pageHost string = hasImages ? environments.outputs.pageHost : ''
